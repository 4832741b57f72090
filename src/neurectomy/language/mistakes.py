"""What people write who come from other languages, and what is written here instead."""

from __future__ import annotations

import re

OPERATORS = {"&&": "and", "||": "or", "!": "not", "=": "=="}
"""Signs of other languages that stand where ours has a word, and `=` where values are compared."""

STATEMENTS = {
    "for": "Go over a list with: results = map item in items { ... yield ... }",
    "while": "Every loop has a bound: repeat at most 10 times while ... { ... }",
}
"""Words that begin a statement elsewhere, with what does that work here."""

ELSE_IF = ("elif", "elsif", "elseif")

_VALUES = {
    "True": "true",
    "TRUE": "true",
    "False": "false",
    "FALSE": "false",
    "None": "null",
    "NULL": "null",
    "nil": "null",
    "undefined": "null",
}
TYPES = {
    "None": "none",
    "null": "none",
    "string": "str",
    "text": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "List": "list",
    "array": "list",
    "Dict": "map",
    "dict": "map",
    "Any": "json",
    "any": "json",
    "object": "json",
}
"""What types are called elsewhere, with what they are called here."""

SINGLE_BRACES = re.compile(r"(?<![\\{])\{[ \t]*(([^\W\d]\w*)(?:\.\w+)*)[ \t]*\}(?!\})")
"""A name, perhaps with fields, in braces that are one too few."""


def token(text: str) -> tuple[str, str]:
    """What is wrong with a piece of text that is nothing here, and a hint."""
    nothing = f"`{text}` means nothing here"
    if len(text) > 1 and text[0] == "'":
        return "a text stands in double quotes", f'Write "{text[1:-1]}".'
    if text == "'":
        return nothing, 'A text stands in double quotes: "..."'
    if text == ";":
        return nothing, "Begin a new line instead."
    if text in OPERATORS:
        return nothing, f"Write `{OPERATORS[text]}`."
    return f"{text!r} means nothing here", ""


def value(name: str) -> str:
    """A hint for a name that is a value elsewhere; empty for any other."""
    return f"Write {_VALUES[name]}." if name in _VALUES else ""


def type_name(name: str) -> str:
    """A hint for the name that a type has elsewhere; empty for any other."""
    return f"Did you mean {TYPES[name]}?" if name in TYPES else ""
