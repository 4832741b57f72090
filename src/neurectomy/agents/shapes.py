"""How types relate: which fits where, what two have in common, what an operation gives."""

from __future__ import annotations

from neurectomy.agents.types import (
    ANY,
    FLOAT,
    INT,
    NONE,
    STR,
    Choice,
    ListOf,
    MapOf,
    Named,
    Optional,
    Primitive,
    Records,
    Type,
)


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of one type may stand where the other is wanted.

    ``json`` fits everywhere: it is checked when the program runs.
    """
    if given == wanted or ANY in (given, wanted):
        return True
    match given, wanted:
        case Optional(a), Optional(b):
            return fits(a, b)
        case _, Optional(b):
            return given == NONE or fits(given, b)
        case Choice(a), Choice(b):
            return set(a) <= set(b)
        case Choice(), _:
            return wanted == STR
        case ListOf(a), ListOf(b):
            return fits(a, b)
        case MapOf(a), MapOf(b):
            return fits(a, b)
        case _:
            return given == INT and wanted == FLOAT


def join(first: Type, second: Type) -> Type | None:
    """The narrowest type for values of both; null where they have nothing in common."""
    if fits(first, second) and first != ANY:
        return second
    if fits(second, first):
        return first
    match first, second:
        case Choice(a), Choice(b):
            return Choice(tuple(dict.fromkeys((*a, *b))))
        case (Optional(a), b) | (b, Optional(a)):
            inner = join(a, b.inner if isinstance(b, Optional) else b)
            return None if inner is None else Optional(inner)
        case ListOf(a), ListOf(b):
            inner = join(a, b)
            return None if inner is None else ListOf(inner)
        case _:
            if first == NONE:
                return Optional(second)
            return Optional(first) if second == NONE else None


def required(type_: Type) -> Type:
    """The type without null."""
    return type_.inner if isinstance(type_, Optional) else type_


def is_number(type_: Type) -> bool:
    """Whether values are numbers; ``json`` may be."""
    return type_ in (INT, FLOAT, ANY)


def is_text(type_: Type) -> bool:
    """Whether values are texts; ``json`` may be."""
    return type_ in (STR, ANY) or isinstance(type_, Choice)


def holds_secret(type_: Type, records: Records) -> bool:
    """Whether a value of the type may have a secret in it."""
    seen: set[str] = set()
    waiting: list[Type] = [type_]
    while waiting:
        match waiting.pop():
            case Primitive("secret"):
                return True
            case ListOf(inner) | MapOf(inner) | Optional(inner):
                waiting.append(inner)
            case Named(name) if name not in seen and name in records:
                seen.add(name)
                waiting += [field.type for field in records[name].fields]
            case _:
                pass
    return False


def named_in(type_: Type) -> list[Named]:
    """Every record that a type names."""
    match type_:
        case Named():
            return [type_]
        case ListOf(inner) | MapOf(inner) | Optional(inner):
            return named_in(inner)
        case _:
            return []
