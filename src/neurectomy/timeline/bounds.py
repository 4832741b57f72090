"""How much of the memory JSON from elsewhere may fill: told from its bytes, before it is decoded.

Two bytes of JSON can become an object of hundreds. So what is counted are the bytes that begin a
list or object or go on with one; each thing that decoding makes, but text and one number, needs
one of them.
"""

from __future__ import annotations

import re

MOST_OF_LINE = 300_000
"""Lists, objects and further items of an event."""
MOST_OF_VALUE = 2_000_000
"""Likewise of a value of its own, a folder, a program, a keyframe and the manifest."""
MOST_OF_STATE = 4_000_000
"""Likewise of a state with its lists whole."""

_MARKS = (b"[", b"{", b",")
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STEPS = 4
"""Texts that are passed over for each thing that may be counted; sound JSON has two or fewer."""


def is_bounded(content: bytes, most: int) -> bool:
    """Whether JSON has at most ``most`` lists, objects and further items.

    What stands in texts does not count, and of what is no JSON the answer means nothing.
    """
    return structure(content) <= most or _outside(content, most)


def structure(content: bytes) -> int:
    """The most lists, objects and further items that JSON can have: what is in texts counts."""
    return sum(map(content.count, _MARKS))


def _outside(content: bytes, most: int) -> bool:
    """As `is_bounded`, without what is in texts; slower."""
    found = at = 0
    for _ in range(_STEPS * (most + 1)):
        quote = content.find(b'"', at)
        end = len(content) if quote < 0 else quote
        found += sum(content.count(mark, at, end) for mark in _MARKS)
        if found > most:
            return False
        if quote < 0:
            return True
        text = _TEXT.match(content, quote)
        if text is None:
            return True  # it ends within a text, and is no JSON
        at = text.end()
    return False
