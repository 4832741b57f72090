"""Two texts as one, word by word: ``[-what went-]{+what came+}``, in colour and without."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Look = Literal["same", "gone", "new"]
Piece = tuple[Look, str]

MOST_LINES = 2000
MOST_WORDS = 2000
"""Lines of a text, and words of a line, that are looked at one by one."""

CONTEXT = 5
"""Words that are kept on each side of a change; of the lines around one, one is."""

ALIKE = 0.4
"""How much of two lines must be the same for them to be told as one."""

_COLOURS = {"gone": "red", "new": "green"}
_MARKS = {"same": ("", ""), "gone": ("[-", "-]"), "new": ("{+", "+}")}
_WORD = re.compile(r"\s+|\w+(?:\.\w+)*|[^\w\s]")


def beside(before: str, after: str, width: int, indent: str = "") -> Iterator[str]:
    """The lines of two texts that differ, each with one around it, no wider than ``width``."""
    old, new = before.splitlines(), after.splitlines()
    matcher = SequenceMatcher(None, old[:MOST_LINES], new[:MOST_LINES], autojunk=False)
    for tag, i, k, j, m in matcher.get_opcodes():
        if tag == "equal":
            yield from _around(old[i:k], width, indent, first=i == 0, last=k == len(old))
        else:
            yield from _replaced(old[i:k], new[j:m], width, indent)
    if max(len(old), len(new)) > MOST_LINES:
        yield f"{indent}… only the first {MOST_LINES} lines are compared"


def alone(look: Look, text: str, width: int, indent: str = "") -> Iterator[str]:
    """A text that only one side has."""
    for line in text.splitlines() or [""]:
        yield from _wrapped([(look, line)], width, indent, "-" if look == "gone" else "+")


def words(before: str, after: str) -> list[Piece]:
    """Two lines as pieces: what both have, what went and what came."""
    went, came = _WORD.findall(before), _WORD.findall(after)
    if max(len(went), len(came)) > MOST_WORDS:
        return [("gone", before), ("new", after)]
    pieces: list[Piece] = []
    gone = new = ""
    for tag, i, k, j, m in SequenceMatcher(None, went, came, autojunk=False).get_opcodes():
        same = "".join(went[i:k])
        if tag != "equal" or (same.isspace() and (gone or new)):  # spaces part no change in two
            gone, new = gone + same, new + "".join(came[j:m])
            continue
        pieces += _changed(gone, new)
        pieces.append(("same", same))
        gone = new = ""
    return [*pieces, *_changed(gone, new)]


def _changed(gone: str, new: str) -> list[Piece]:
    pieces: list[Piece] = [("gone", gone), ("new", new)]
    return [piece for piece in pieces if piece[1]]


def _around(
    lines: Sequence[str], width: int, indent: str, *, first: bool, last: bool
) -> Iterator[str]:
    """Of lines that are the same, the one after a change and the one before the next."""
    shown = [line for line in lines if line.strip()]
    if not first and shown:
        yield _same(shown[0], width, indent)
    if not first and not last and len(shown) > 2:
        yield click.style(f"{indent}  ⋮", dim=True)
    if not last and shown[0 if first else 1 :]:
        yield _same(shown[-1], width, indent)


def _same(line: str, width: int, indent: str) -> str:
    text = f"{indent}  {line}"
    return click.style(text if len(text) <= width else f"{text[: width - 1]}…", dim=True)


def _replaced(old: Sequence[str], new: Sequence[str], width: int, indent: str) -> Iterator[str]:
    gone: list[str] = []
    came: list[str] = []
    for line, other in zip_longest(old, new):
        pieces = words(line or "", other or "")
        same = sum(len(text) for look, text in pieces if look == "same")
        if line and other and same >= ALIKE * max(len(line), len(other)):
            yield from _apart(gone, came, width, indent)
            yield from _wrapped(_shortened(pieces), width, indent, "~")
            gone, came = [], []
        else:
            gone += [] if line is None else [line]
            came += [] if other is None else [other]
    yield from _apart(gone, came, width, indent)


def _apart(gone: Sequence[str], came: Sequence[str], width: int, indent: str) -> Iterator[str]:
    if gone:
        yield from alone("gone", "\n".join(gone), width, indent)
    if came:
        yield from alone("new", "\n".join(came), width, indent)


def _shortened(pieces: list[Piece]) -> list[Piece]:
    """The pieces with only some words of what is the same between them."""
    found: list[Piece] = []
    for place, (look, text) in enumerate(pieces):
        split = text.split(" ")
        if look != "same" or len(split) <= 2 * CONTEXT + 1:
            found.append((look, text))
            continue
        head = [] if place == 0 else split[:CONTEXT]
        tail = [] if place == len(pieces) - 1 else split[-CONTEXT:]
        found.append((look, " ".join([*head, "…", *tail])))
    return found


def _wrapped(pieces: Iterable[Piece], width: int, indent: str, mark: str) -> Iterator[str]:
    room = max(20, width - len(indent) - 2)
    line: list[Piece] = []
    used = 0
    lead = mark
    for look, word in _split(pieces, room, marked=mark == "~"):
        if used and used + len(word.rstrip()) > room:
            yield _line(line, indent, lead)
            line, used, lead = [], 0, " "
        line.append((look, word))
        used += len(word)
    yield _line(line, indent, lead)


def _split(pieces: Iterable[Piece], room: int, *, marked: bool) -> Iterator[Piece]:
    """The pieces in words, with marks around what changed where the line's own does not say it."""
    for look, text in pieces:
        begin, end = _MARKS[look] if marked else ("", "")
        for word in re.findall(r"\S+\s*|\s+", f"{begin}{text}{end}"):
            for start in range(0, len(word), room):
                yield look, word[start : start + room]


def _line(words: Iterable[Piece], indent: str, mark: str) -> str:
    text, look, run = f"{indent}{mark} ", "", ""
    kept = list(words)
    if kept:
        kept[-1] = kept[-1][0], kept[-1][1].rstrip()
    for kind, word in [*kept, ("", "")]:
        if kind != look:
            text += click.style(run, fg=_COLOURS[look]) if look in _COLOURS else run
            look, run = kind, ""
        run += word
    return text.rstrip()
