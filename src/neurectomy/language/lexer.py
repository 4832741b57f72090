"""Text to tokens; nothing is lost: the texts of the tokens, joined, are the text."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from neurectomy.language import mistakes

TokenKind = Literal[
    "name", "number", "string", "block", "symbol", "doc", "comment", "space", "newline", "unknown"
]


class Token(Struct, frozen=True):
    """A piece of the text.

    Attributes:
        problem: What is wrong with it; empty for a sound one.
        hint: What to write instead.
    """

    kind: TokenKind
    text: str
    problem: str = ""
    hint: str = ""


TRIVIA: frozenset[str] = frozenset({"comment", "space", "newline", "doc"})
"""Kinds that carry no structure."""

_PATTERN = re.compile(
    r"""
    (?P<space>[ \t\r\f\v]+)
  | (?P<newline>\n)
  | (?P<doc>\#\#[^\n]*)
  | (?P<comment>\#[^\n]*)
  | (?P<block>\"\"\"(?:[^"\\]|\\.|"(?!""))*(?:\"\"\")?)
  | (?P<string>"(?:[^"\\\n]|\\[^\n])*"?)
  | (?P<number>\d+(?:\.\d+)?)
  | (?P<name>[^\W\d]\w*)
  | (?P<symbol>->|==|!=|<=|>=|[-+*/%<>=(){}\[\],.:?]|\|(?!\|))
  | (?P<foreign>'(?:[^'\\\n]|\\[^\n])*')
  | (?P<unknown>&&|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokenize(text: str) -> list[Token]:
    """The tokens of a text, trivia included. Never raises.

    A documentation comment stands on a line of its own, above what it documents.
    """
    tokens: list[Token] = []
    fresh_line = True
    for match in _PATTERN.finditer(text):
        kind, value = match.lastgroup, match.group()
        problem = hint = ""
        if kind == "string" and (len(value) == 1 or not _closed(value)):
            problem = 'the text is not closed; it needs a " on the same line'
        elif kind == "block" and (len(value) < 6 or not value.endswith('"""')):
            problem = 'the text is not closed; it needs """ at its end'
        elif kind in ("unknown", "foreign"):
            problem, hint = mistakes.token(value)
            kind = "string" if kind == "foreign" else kind  # so that the rest can be understood
        elif kind == "doc" and not fresh_line:
            kind = "comment"
        fresh_line = kind == "newline" or (fresh_line and kind == "space")
        tokens.append(Token(kind, value, problem, hint))  # type: ignore[arg-type]  # names of the groups
    return tokens


def _closed(string: str) -> bool:
    if not string.endswith('"'):
        return False
    body = string[1:-1]
    return (len(body) - len(body.rstrip("\\"))) % 2 == 0
