"""What is wrong with a text: spans, messages, hints, and how a terminal shows them."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

Severity = Literal["error", "warning"]


class Span(Struct, frozen=True, order=True):
    """A part of a text: offsets in characters, the end not included."""

    start: int
    end: int

    def shifted(self, by: int) -> Span:
        """The same part of a text that begins ``by`` characters later."""
        return Span(self.start + by, self.end + by)


class Problem(Struct, frozen=True):
    """Something wrong in a span of the text at hand."""

    span: Span
    code: str
    message: str
    hint: str = ""
    severity: Severity = "error"


class Diagnostic(Struct, frozen=True):
    """A problem with its place in a file; lines and columns count from 1, in characters."""

    code: str
    severity: Severity
    message: str
    hint: str
    path: str
    line: int
    column: int
    end_line: int
    end_column: int


class Lines:
    """Turns offsets of a text into lines and columns."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """A line's text without its end."""
        start = self._starts[number - 1]
        end = self._text.find("\n", start)
        return self._text[start : end if end >= 0 else len(self._text)].rstrip("\r")


def locate(problems: Iterable[Problem], path: str, lines: Lines) -> list[Diagnostic]:
    """The problems as diagnostics of a file, in the order of the text."""
    found = []
    for problem in sorted(problems, key=lambda p: (p.span, p.code)):
        line, column = lines.place(problem.span.start)
        end_line, end_column = lines.place(max(problem.span.end, problem.span.start))
        found.append(
            Diagnostic(
                problem.code,
                problem.severity,
                problem.message,
                problem.hint,
                path,
                line,
                column,
                end_line,
                end_column,
            )
        )
    return found


class Palette(Struct, frozen=True):
    """Escape sequences of a terminal; all empty where there is no colour."""

    error: str = ""
    warning: str = ""
    quiet: str = ""
    strong: str = ""
    end: str = ""


PLAIN = Palette()
COLOURED = Palette("\x1b[1;31m", "\x1b[1;33m", "\x1b[36m", "\x1b[1m", "\x1b[0m")


def show(diagnostic: Diagnostic, lines: Lines, palette: Palette = PLAIN) -> str:
    """A diagnostic as compilers show them: what, where, the line with a caret, the hint."""
    p = palette
    tone = p.error if diagnostic.severity == "error" else p.warning
    number = str(diagnostic.line)
    gutter = " " * len(number)
    source = lines.line(diagnostic.line)
    before = "".join("\t" if c == "\t" else " " for c in source[: diagnostic.column - 1])
    last = diagnostic.end_column if diagnostic.end_line == diagnostic.line else len(source) + 1
    width = max(1, last - diagnostic.column)
    place = f"{diagnostic.path}:{diagnostic.line}:{diagnostic.column}"
    out = [
        f"{tone}{diagnostic.severity}[{diagnostic.code}]{p.end}"
        f"{p.strong}: {diagnostic.message}{p.end}",
        f"{gutter}{p.quiet}-->{p.end} {place}",
        f"{gutter} {p.quiet}|{p.end}",
        f"{p.quiet}{number} |{p.end} {source}",
        f"{gutter} {p.quiet}|{p.end} {before}{tone}{'^' * width}{p.end}",
    ]
    if diagnostic.hint:
        out.append(f"{gutter} {p.quiet}={p.end} {p.strong}hint:{p.end} {diagnostic.hint}")
    return "\n".join(out)


def as_data(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """The diagnostics as JSON-able data."""
    return [
        {name: getattr(item, name) for name in Diagnostic.__struct_fields__} for item in diagnostics
    ]
