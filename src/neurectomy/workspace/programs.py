"""The opened folder: its programs, of which only changed declarations are parsed again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from neurectomy.core.errors import InvalidInput, NotFound, ProgramInvalid
from neurectomy.language.compiler import Compiled, compile_text
from neurectomy.language.diagnostics import Problem, Span, as_data
from neurectomy.language.hints import closest
from neurectomy.runs.bundle import Bundle
from neurectomy.tools.signatures import compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SUFFIX = ".agent"
MOST_BYTES = 2_000_000
"""Size of a program's file; larger ones are refused."""

_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages", "dist", "build"})


class Programs:
    """A folder with programs.

    Args:
        root: Absolute, without links.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._compiled: dict[str, Compiled] = {}

    def paths(self) -> Iterator[str]:
        """The programs' paths, relative to the root, in order. Blocking."""
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(f for f in folders if f not in _SKIPPED and not f.startswith("."))
            for name in sorted(files):
                if name.endswith(SUFFIX):
                    yield str((Path(folder) / name).relative_to(self.root))

    def compile(
        self, path: str, text: str | None = None, files: Mapping[str, str] | None = None
    ) -> Compiled:
        """A program, compiled. Blocking.

        Args:
            path: Relative to the root.
            text: What its file would hold; what it holds by default.
            files: Texts of tools' files, by their path beside the program, that count instead of
                those in the folder.

        Raises:
            NotFound: There is no such file.
            InvalidInput: It lies outside, is too large, cannot be read or is no text.
        """
        if text is None:
            text = self._text(path)
        else:
            self._inside(path)
        compiled = compile_text(text, path, self._compiled.get(path))
        self._compiled[path] = compiled
        folder = Path(path).parent
        return compiled.with_problems(self._tool_problems(folder, compiled, files or {}))

    def bundle(
        self, path: str, text: str | None = None, files: Mapping[str, str] | None = None
    ) -> Bundle:
        """What a run of a program is made from; arguments as those of `compile`. Blocking.

        Raises:
            ProgramInvalid: The program has errors; ``details["diagnostics"]`` lists them.
        """
        compiled = self.compile(path, text, files)
        errors = [item for item in compiled.diagnostics if item.severity == "error"]
        if errors:
            first = errors[0]
            more = f", and {len(errors) - 1} more errors" if len(errors) > 1 else ""
            raise ProgramInvalid(
                f"{path}:{first.line}:{first.column}: {first.message}{more}",
                hint=first.hint or f"Look at: neurectomy check {path}",
                diagnostics=as_data(errors),
            )
        folder = Path(path).parent
        names = {tool.path for tool in compiled.program.tools.values()}
        given = files or {}
        texts = {
            name: given[name] if name in given else self._text(str(folder / name))
            for name in sorted(names)
        }
        return Bundle.of(path, compiled.text, compiled.program, texts)

    def _inside(self, path: str) -> Path:
        file = None if "\0" in path else Path(os.path.realpath(self.root / path))
        if file is None or not file.is_relative_to(self.root):
            raise InvalidInput(f"{path!r} lies outside of the workspace", hint="Open its folder.")
        return file

    def _text(self, path: str) -> str:
        """The text of a file of the workspace, without the mark that some editors begin it with."""
        file = self._inside(path)
        try:
            if not file.is_file():
                if file.exists():
                    raise InvalidInput(f"{path} is not a file", hint="Put a text in its place.")
                hint = closest(path, self.paths(), "List them with: neurectomy check")
                raise NotFound(f"there is no program {path}", hint=hint)
            if file.stat().st_size > MOST_BYTES:
                message = f"{path} is larger than {MOST_BYTES // 1_000_000} MB"
                raise InvalidInput(message, hint="A program is a text that people write.")
            return file.read_text("utf-8-sig")
        except UnicodeDecodeError:
            message = f"{path} is not a text in UTF-8"
            raise InvalidInput(message, hint="Save it as UTF-8.") from None
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}"
            raise InvalidInput(message, hint="Look at its rights.") from None

    def _tool_problems(
        self, folder: Path, compiled: Compiled, files: Mapping[str, str]
    ) -> list[Problem]:
        """What is wrong between the tools' declarations and their Python files."""
        problems = []
        for tool in compiled.program.tools.values():
            span = compiled.places.get(("from", tool.name), Span(0, 0))
            if any(d.code == "path" for d in compiled.diagnostics) or not tool.path:
                continue
            try:
                source = files.get(tool.path)
                if source is None:
                    source = self._text(str(folder / tool.path))
            except NotFound:
                hint = f"Write the file, with a function {tool.function}."
                problems.append(Problem(span, "tool-file", f"there is no {tool.path}", hint))
                continue
            except InvalidInput as error:
                problems.append(Problem(span, "tool-file", error.message, error.hint))
                continue
            problems += [
                Problem(span, code, message, hint) for code, message, hint in compare(tool, source)
            ]
        return problems
