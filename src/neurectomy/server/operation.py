"""What an operation is: its name, its route, what it takes and what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct


class Parameter(Struct, frozen=True):
    """A parameter of the query string."""

    name: str
    kind: type
    default: Any
    help: str


class Operation(Struct, frozen=True):
    """Something that the edge can do.

    Attributes:
        path: With the names of its parts in braces.
        handler: Takes the services and the arguments by name; ``body`` is the decoded body.
        gives: The type of the result; null for none.
        takes: The type of the body; null for none.
        status: Of a success.
    """

    name: str
    method: str
    path: str
    summary: str
    handler: Callable[..., Awaitable[Any]]
    gives: Any
    takes: Any = None
    query: tuple[Parameter, ...] = ()
    status: int = 200
