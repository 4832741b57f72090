"""Words of a text, cut to their stems, for comparing texts without a language model."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]+(?![a-z])|\d+")

_STOP = (
    "a an and are as at be been by can could do does for from get gets give had has have how "
    "i if in into is it its like make me my need of on one or our out python so some such "
    "than that the their them then there these they this to up use used uses using want was "
    "we what when where which while who why will with without would you your "
)
STOP_WORDS = frozenset(_STOP.split())
"""Words that say little about what a question is after."""

_ENDINGS = ("ations", "ation", "ings", "ing", "ies", "ied", "edly", "ed", "es", "ly", "s")


def stem(word: str) -> str:
    """The word without its ending, crude on purpose: both sides of a comparison are cut alike."""
    word = word.lower()
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if word.endswith("e") and len(word) > 4:
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word


def stems(text: str) -> list[str]:
    """The stems of a text's telling words, in order."""
    words = _WORD.findall(text)
    return [stem(word) for word in words if word.lower() not in STOP_WORDS and len(word) > 1]


def sentences(text: str) -> list[str]:
    """The sentences of a prose text; lines that are code or tables are left out."""
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text):
        if re.match(r"\s*(>>>|\.\.\.)", paragraph):
            continue
        joined = " ".join(paragraph.split())
        found += [part.strip() for part in re.split(r"(?<=[.!?:])\s+(?=[A-Z`'\"])", joined)]
    return [one for one in found if one]
