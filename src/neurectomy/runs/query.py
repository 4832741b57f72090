"""What to search a run for: words, fields, amounts. ``docs/guides/timeline.md`` has the grammar."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from neurectomy.core.errors import InvalidInput

MOST_QUERY = 400
"""Characters of a query."""

FIELDS = ("tool", "agent", "model", "kind", "step")
AMOUNTS = ("cost", "tokens", "took")
_UNITS = {"us": 1, "µs": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
_AMOUNT = re.compile(r"^(\w+)(>=|<=|>|<|=)(.*)$", re.DOTALL)
_NUMBER = re.compile(r"^(\d+(?:\.\d*)?|\.\d+)(\D*)$")
_TERM = re.compile(r'\s*(-?(?:\w+:)?"[^"]*"|\S+)')


class Term(Struct, frozen=True):
    """One condition of a query; all of them must hold.

    Attributes:
        field: ``text``, ``error``, one of `FIELDS` or of `AMOUNTS`.
        value: In lower case; empty for amounts and errors.
        sign: How an amount compares.
        amount: Billionths of a US dollar, tokens, or microseconds.
        wanted: False for what must not hold.
    """

    field: str
    value: str = ""
    sign: Literal[">", "<", ">=", "<=", "="] = "="
    amount: int = 0
    wanted: bool = True

    def compares(self, found: int) -> bool:
        """Whether an amount is as asked for."""
        match self.sign:
            case ">":
                return found > self.amount
            case "<":
                return found < self.amount
            case ">=":
                return found >= self.amount
            case "<=":
                return found <= self.amount
            case _:
                return found == self.amount


def parse_query(text: str) -> tuple[Term, ...]:
    """The terms of a query.

    Raises:
        InvalidInput: It is empty, too long, or a term of it cannot be understood.
    """
    if len(text) > MOST_QUERY:
        raise InvalidInput(f"a query has at most {MOST_QUERY} characters", hint="Search for less.")
    terms = tuple(_term(found[1]) for found in _TERM.finditer(text))
    if not terms:
        hint = "Such as: tool:lookup error, cost>0.01, took>2s, or any words."
        raise InvalidInput("the query is empty", hint=hint)
    return terms


def _term(text: str) -> Term:
    if text.startswith("-") and len(text) > 1:
        term = _term(text[1:])
        return Term(term.field, term.value, term.sign, term.amount, not term.wanted)
    if text.startswith('"'):
        if len(text) < 2 or not text.endswith('"'):
            raise InvalidInput(f"a quotation is not closed: {text}", hint='Write "two words".')
        return Term("text", text[1:-1].lower())
    if text == "error":
        return Term("error")
    name, colon, value = text.partition(":")
    if colon and name.lower() in FIELDS:
        value = value.strip('"').lower()
        if not value:
            raise InvalidInput(f"{name}: says nothing", hint=f"Write {name}:NAME without a space.")
        return Term(name.lower(), value)
    compared = _AMOUNT.match(text)
    if compared is not None and compared[1].lower() in (*AMOUNTS, *FIELDS):
        return _amount(compared[1].lower(), compared[2], compared[3])
    if text.lower() in AMOUNTS:
        raise InvalidInput(f"{text} needs an amount", hint=f'Write {text}>1, or "{text}" for text.')
    return Term("text", text.lower())


def _amount(name: str, sign: str, value: str) -> Term:
    if name in FIELDS:
        raise InvalidInput(
            f"{name} does not compare by {sign}", hint=f"Write {name}:{value or 'NAME'}."
        )
    number = _NUMBER.match(value.removeprefix("$").lower())
    shown = {"cost": "cost>0.01", "tokens": "tokens>100", "took": "took>1.5s"}[name]
    if number is None:
        raise InvalidInput(f"{name}{sign}{value} has no amount", hint=f"Write it as in {shown}.")
    amount, unit = float(number[1]), number[2]
    scale = {"cost": {"": 1e9}, "tokens": {"": 1, "k": 1e3}, "took": {"": 1e6, **_UNITS}}[name]
    if unit not in scale:
        known = ", ".join(part for part in scale if part) or "none"
        raise InvalidInput(f"there is no unit {unit} of {name}", hint=f"It has: {known}.")
    return Term(name, sign=sign, amount=round(amount * scale[unit]))  # type: ignore[arg-type]
