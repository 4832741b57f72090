"""What a call answers: the value of the function as JSON has it, or how it failed."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

DEEPEST = 100
"""Levels of lists and objects in a value."""

LARGEST = 2**63
"""Whole numbers lie from minus this to below it."""


def called(module: Any, frame: dict[str, Any]) -> dict[str, Any]:
    """What a call gave, or how it failed."""
    path = module.__file__
    function = getattr(module, frame["function"], None)
    if not callable(function):
        return {"status": "raised", "error": f"there is no function {frame['function']} in it"}
    try:
        value = plain(function(**frame["arguments"]))
    except MemoryError:
        return {"status": "limit", "limit": "memory"}
    except SystemExit as error:
        return {"status": "raised", "error": f"it called exit({say(error.code)})"}
    except BlockingIOError as error:
        return {"status": "limit", "limit": "processes", "error": say_error(error)}
    except BaseException as error:  # noqa: BLE001 - whatever a tool raises is its answer
        return {"status": "raised", "error": say_error(error), "traceback": trace(error, path)}
    return {"status": "ok", "value": value}


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it; dataclasses and named tuples become objects.

    Halves of surrogate pairs, as in names of files that are not UTF-8, become replacement
    characters.

    Raises:
        TypeError: JSON has no such type.
        ValueError: A number that is not finite or too large, or too many levels.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int):
        if not -LARGEST <= value < LARGEST:
            raise ValueError("a tool returns whole numbers from -2**63 to 2**63 - 1 only")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"JSON has no number {value}")
        return value
    if depth >= DEEPEST:
        raise ValueError(f"a tool returns at most {DEEPEST} levels; this one may hold itself")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name), depth + 1) for field in fields}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {text(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth + 1) for item in value]
    raise TypeError(f"a tool returns JSON or dataclasses, not {type(value).__name__}")


def text(value: str) -> str:
    """The text with a replacement character for each half of a surrogate pair."""
    if value.isascii():
        return value
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def say(value: object) -> str:
    """A value in one line; whatever a tool made of its ``__repr__``."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - it is the tool's own code that runs here
        return type(value).__name__


def say_error(error: BaseException) -> str:
    """An exception in one line; whatever a tool made of its ``__str__``."""
    try:
        told = str(error)
    except Exception:  # noqa: BLE001 - it is the tool's own code that runs here
        told = ""
    return f"{type(error).__name__}: {told}" if told else type(error).__name__


def trace(error: BaseException, path: str) -> str:
    """The traceback from the tool's file on. What it needs is imported late, as forks copy it."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    first = next((i for i, frame in enumerate(frames) if frame.filename == path), len(frames))
    return "".join(traceback.format_list(frames[first:]))[-8000:]
