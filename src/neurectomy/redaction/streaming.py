"""Redaction of a text that is still coming in: nothing is let through before it is decided."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from neurectomy.redaction.patterns import BLOCK_BEGIN, LONGEST_WORDS
from neurectomy.redaction.redactor import JSON_BEGIN

if TYPE_CHECKING:
    from neurectomy.redaction.redactor import Redactor

_SPACES = re.compile(r"\s+")


class TextStream:
    """Takes pieces of a text and gives pieces of the redacted text, a few words behind.

    What can only be judged as a whole, such as JSON or a private key, is held back to the end.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held: list[str] = []
        self._to_the_end = redactor.over_spaces

    def take(self, piece: str) -> str:
        """Add a piece; what can be let through now, redacted."""
        self._held.append(piece)
        if self._to_the_end or _SPACES.search(piece) is None:
            return ""
        text = "".join(self._held)
        limit = self._limit(text)
        ends = [found.end() for found in _SPACES.finditer(text, 0, limit)]
        whole = self._redactor.text(text)
        for cut in reversed(ends[-2 * LONGEST_WORDS - 1 : -LONGEST_WORDS]):
            sure, left = self._redactor.text(text[:cut]), text[cut:]
            if sure + self._redactor.text(left) == whole:  # no secret lies across the cut
                self._held = [left]
                return sure
        self._held = [text]
        return ""

    def end(self) -> str:
        """What is left, redacted."""
        left, self._held = "".join(self._held), []
        return self._redactor.text(left)

    def _limit(self, text: str) -> int:
        """Up to where the text may be cut at all."""
        limit = len(text)
        json = JSON_BEGIN.search(text)
        if json is not None:
            limit = json.start()
            self._to_the_end = json[0][-1] in '"{' and len(json[0]) > 1
        block = text.find(BLOCK_BEGIN)
        if block >= 0:
            limit, self._to_the_end = min(limit, block), True
        return limit
