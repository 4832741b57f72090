"""Takes secrets out of texts and values; what stands in their place says what was there."""

from __future__ import annotations

import json
import re
from typing import Any

from neurectomy.core import codecs
from neurectomy.core.errors import InvalidInput
from neurectomy.redaction.patterns import (
    FORMATS,
    MOST_PATTERNS,
    compile_own,
    may_match_spaces,
)
from neurectomy.redaction.rules import KEYS, Rules

_SHORTEST = 8
"""Characters of the shortest text that a built-in format can match."""

_MOST_KNOWN = 4096
"""Names of fields whose verdict is remembered."""

JSON_BEGIN = re.compile(r'\{\s*(?:"|\Z)|\[\s*(?:\{|\Z)')
"""Where an object, or a list of some, begins in a text; at its end, where one may begin."""

_MOST_TRIES = 32
"""Beginnings of JSON in one text that turn out to be none; each may cost a look at all of it."""

_DECODER = json.JSONDecoder()

_SECRET = re.compile(r"\[secret: [\w.\-]{1,200}\.[0-9a-f]{8}\]")

_WORD = re.compile(r"[a-z0-9]+|[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")


def mark(what: str) -> str:
    """What stands in place of a secret."""
    return f"[redacted: {what}]"


def is_secret(value: Any) -> bool:
    """Whether a value is the mark of a secret that a broker keeps; it tells nothing of it."""
    return isinstance(value, str) and _SECRET.fullmatch(value) is not None


class Redactor:
    """Applies rules. The same value always becomes the same value; most stay the same object.

    Args:
        rules: What to look for.

    Raises:
        InvalidInput: A pattern cannot be used.
        Unavailable: There are patterns, and their engine is not installed.

    Attributes:
        over_spaces: Whether a match may go over any number of words, so that a text that is still
            coming in cannot be cut anywhere.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        rules = rules or Rules()
        if len(rules.patterns) > MOST_PATTERNS:
            message = f"there are {len(rules.patterns)} patterns of redaction"
            raise InvalidInput(message, hint=f"Write at most {MOST_PATTERNS}.")
        keys = (*rules.keys, *(KEYS if rules.defaults else ()))
        self._keys = {_squeezed(key): mark(" ".join(_words(key))) for key in keys if _words(key)}
        formats = FORMATS if rules.defaults else ()
        self._formats = [(f.literals, re.compile(f.pattern), mark(f.name)) for f in formats]
        self._literals = tuple({literal for one in formats for literal in one.literals})
        self._own = [compile_own(pattern) for pattern in rules.patterns]
        self._known: dict[str, str] = {}
        self.over_spaces = any(may_match_spaces(pattern) for pattern in rules.patterns)

    def text(self, text: str) -> str:
        """The text with a mark in place of each secret."""
        if len(text) >= _SHORTEST:
            if self._keys and '"' in text:
                text = self._embedded(text)
            for literal in self._literals:
                if literal in text:
                    text = self._without_formats(text)
                    break
        for substitute in self._own:
            text = substitute(mark("pattern"), text)
        return text

    def _without_formats(self, text: str) -> str:
        for literals, pattern, standing in self._formats:
            if any(literal in text for literal in literals):
                text = pattern.sub(standing, text)
        return text

    def value(self, value: Any) -> Any:
        """A JSON value with a mark in place of each secret; keys of objects count as names."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list | tuple):
            items = [self.value(item) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            return value if same else items
        return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        made, same = {}, True
        for key, inner in value.items():
            standing = self._standing(key)
            new = _replaced(inner, standing) if standing else self.value(inner)
            name = self.text(key)
            same = same and new is inner and name == key
            made[name] = new
        return value if same else made

    def _standing(self, key: str) -> str:
        """The mark for the values of a name; empty where they are no secrets."""
        found = self._known.get(key)
        if found is None:
            words = _words(key)
            found = ""
            for start in range(len(words)):
                found = self._keys.get("".join(words[start:]), "")
                if found:
                    break
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = found
        return found

    def _embedded(self, text: str) -> str:
        """The text with secrets taken out of the JSON that it is, or that stands in it."""
        parts, done, tries = [], 0, 0
        begin = JSON_BEGIN.search(text)
        while begin is not None and tries < _MOST_TRIES:
            start = begin.start()
            try:
                found, end = _DECODER.raw_decode(text, start)
            except (ValueError, RecursionError):
                tries, end = tries + 1, start + 1
            else:
                made = self.value(found)
                if made is not found:
                    parts += [text[done:start], codecs.encode(made).decode()]
                    done = end
            begin = JSON_BEGIN.search(text, end)
        return "".join([*parts, text[done:]]) if parts else text


def _replaced(value: Any, standing: str) -> Any:
    """A secret's value: texts and numbers replaced; its shape, true, false and null stay."""
    if isinstance(value, dict):
        return {key: _replaced(inner, standing) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, standing) for inner in value]
    if value is None or isinstance(value, bool) or value in ("", standing) or is_secret(value):
        return value
    return standing


def _words(name: str) -> list[str]:
    """The words of a name, however they are put together: ``apiKey``, ``API-KEY``, ``api_key``."""
    return [word.lower() for word in _WORD.findall(name)]


def _squeezed(name: str) -> str:
    return "".join(_words(name))
