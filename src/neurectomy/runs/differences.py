"""Where two JSON values differ, by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from neurectomy.core import codecs

if TYPE_CHECKING:
    from collections.abc import Iterator


class ValueChange(Struct, frozen=True):
    """One place where two values differ.

    Attributes:
        path: Names and indexes that lead there; empty for the whole.
        a: What stands there in the first one; null where nothing does.
        b: Likewise in the second one.
    """

    path: tuple[str | int, ...]
    status: Literal["added", "removed", "changed"]
    a: Any = None
    b: Any = None


def differences(a: Any, b: Any, path: tuple[str | int, ...] = ()) -> Iterator[ValueChange]:
    """The smallest places that differ, in the order of the first value.

    Objects are compared key by key, lists item by item; references to stored values by what they
    refer to.
    """
    if isinstance(a, dict) and isinstance(b, dict) and not (_is_stored(a) or _is_stored(b)):
        for key in dict.fromkeys([*a, *b]):
            if key not in b:
                yield ValueChange((*path, key), "removed", a[key])
            elif key not in a:
                yield ValueChange((*path, key), "added", None, b[key])
            else:
                yield from differences(a[key], b[key], (*path, key))
    elif isinstance(a, list) and isinstance(b, list):
        for index, (one, other) in enumerate(zip(a, b, strict=False)):
            yield from differences(one, other, (*path, index))
        for index in range(len(b), len(a)):
            yield ValueChange((*path, index), "removed", a[index])
        for index in range(len(a), len(b)):
            yield ValueChange((*path, index), "added", None, b[index])
    elif codecs.canonical(a) != codecs.canonical(b):
        yield ValueChange(path, "changed", a, b)


def _is_stored(value: dict[str, Any]) -> bool:
    return "$blob" in value or "$list" in value
