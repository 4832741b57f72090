"""Merges two texts that come from a third, line by line; what cannot be is marked as Git does."""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE = re.compile(r"[^\n]*\n|[^\n]+")

MOST_PAIRS = 1_000_000
"""Pairs of equal lines that are looked at; texts with more are merged as a whole."""


class MergedText(Struct, frozen=True):
    """A merged text, and how many places of it are marked as conflicts."""

    text: str
    conflicts: int


def merge_lines(
    base: str, ours: str, theirs: str, *, names: tuple[str, str] = ("ours", "theirs")
) -> MergedText:
    """Merge three ways.

    Where both sides changed the same lines, both versions stand between ``<<<<<<<``, ``=======``
    and ``>>>>>>>``, with the names of the sides.

    Args:
        base: The text that both come from.
        ours: A text.
        theirs: The other.
        names: Of the two sides.
    """
    sides = [_LINE.findall(text) for text in (base, ours, theirs)]
    newline = "\r\n" if sides[1] and sides[1][0].endswith("\r\n") else "\n"
    found: list[str] = []
    conflicts = 0
    for one, mine, other in _chunks(*sides):
        if mine == other or other == one:
            found += mine
        elif mine == one:
            found += other
        else:
            conflicts += 1
            found += [
                f"<<<<<<< {names[0]}{newline}",
                *_ended(mine, newline),
                f"======={newline}",
                *_ended(other, newline),
                f">>>>>>> {names[1]}{newline}",
            ]
    return MergedText("".join(found), conflicts)


def _ended(lines: list[str], newline: str) -> list[str]:
    """The lines, the last one of them ended."""
    if lines and not lines[-1].endswith("\n"):
        return [*lines[:-1], lines[-1] + newline]
    return lines


def _chunks(
    base: list[str], ours: list[str], theirs: list[str]
) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """The texts cut where all three agree: what lies between, then what they agree on, and so on.

    See Khanna, Kunal and Pierce, A Formal Investigation of Diff3, 2007.
    """
    mine, other = _matches(base, ours), _matches(base, theirs)
    at = (0, 0, 0)
    for line in range(len(base) + 1):
        ends = line == len(base)
        if not ends and (line not in mine or line not in other):
            continue
        here = (line, len(ours), len(theirs)) if ends else (line, mine[line], other[line])
        if here != at:
            yield base[at[0] : here[0]], ours[at[1] : here[1]], theirs[at[2] : here[2]]
        if not ends:
            yield [base[line]], [ours[here[1]]], [theirs[here[2]]]
            at = (here[0] + 1, here[1] + 1, here[2] + 1)


def _matches(base: list[str], side: list[str]) -> dict[int, int]:
    """Which line of a side is which of the base."""
    start = 0
    while start < min(len(base), len(side)) and base[start] == side[start]:
        start += 1
    end = 0
    rest = min(len(base), len(side)) - start
    while end < rest and base[-1 - end] == side[-1 - end]:
        end += 1
    found = {line: line for line in range(start)}
    inner, other = base[start : len(base) - end], side[start : len(side) - end]
    if _pairs(inner, other) <= MOST_PAIRS:
        matcher = SequenceMatcher(None, inner, other, autojunk=False)
        for block in matcher.get_matching_blocks():
            for n in range(block.size):
                found[start + block.a + n] = start + block.b + n
    for n in range(end):
        found[len(base) - end + n] = len(side) - end + n
    return found


def _pairs(one: list[str], other: list[str]) -> int:
    counts = Counter(other)
    return sum(counts[line] for line in one)
