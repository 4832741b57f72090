"""The one entrance: a text to a program with its diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.agents.program import Program
from neurectomy.language.checker import check
from neurectomy.language.diagnostics import Diagnostic, Lines, Problem, Span, locate
from neurectomy.language.lower import lower
from neurectomy.language.parser import parse
from neurectomy.language.tree import Syntax

if TYPE_CHECKING:
    from collections.abc import Iterable


class Compiled(Struct, frozen=True):
    """A text and what it means.

    Attributes:
        program: What could be understood; to be run only where `ok`.
        places: Where options stand, by word and owner; for problems found by others.
        names: Where declared names stand, by kind and name.
    """

    path: str
    text: str
    syntax: Syntax
    program: Program
    diagnostics: tuple[Diagnostic, ...]
    names: dict[tuple[str, str], Span]
    places: dict[tuple[str, str], Span]

    @property
    def ok(self) -> bool:
        """Whether there are no errors; warnings do not count."""
        return not any(item.severity == "error" for item in self.diagnostics)

    def with_problems(self, problems: Iterable[Problem]) -> Compiled:
        """The same with more diagnostics, such as those of a tool's Python file."""
        more = locate(problems, self.path, Lines(self.text))
        if not more:
            return self
        everything = sorted([*self.diagnostics, *more], key=lambda d: (d.line, d.column, d.code))
        return Compiled(
            self.path,
            self.text,
            self.syntax,
            self.program,
            tuple(everything),
            self.names,
            self.places,
        )


def compile_text(text: str, path: str, previous: Compiled | None = None) -> Compiled:
    """Compile a file. Never raises; what is wrong is in the diagnostics.

    Args:
        text: The file's text.
        path: The file's path as messages show it.
        previous: An earlier state of the file, whose unchanged declarations are not parsed again.
    """
    syntax = parse(text, None if previous is None else previous.syntax)
    lowered = lower(syntax)
    problems = [*lowered.problems, *check(lowered)]
    if not text.strip():
        hint = "Start with: neurectomy new"
        problems.append(Problem(Span(0, 0), "empty", "the file is empty", hint))
    diagnostics = locate(problems, path, Lines(text))
    return Compiled(
        path,
        text,
        syntax,
        lowered.program,
        tuple(diagnostics),
        lowered.names,
        lowered.places,
    )
