"""Folding: a state and a patch give the next state. Knows no kinds; TypeScript has the same lines.

``docs/reference/run-log.md`` lists the operations. Both are checked by ``tests/vectors/fold.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurectomy.timeline.event import Patch


def fold(state: Any, patch: Patch, data: dict[str, Any]) -> Any:
    """Apply a patch in place and return the state, which is another object where all was replaced.

    Raises:
        KeyError, IndexError, TypeError: The patch does not fit the state.
    """
    for operation in patch:
        name, path = operation[0], operation[1]
        if not path:
            state = operation[2] if name == "set" else data[operation[2]]
            continue
        target = state
        for key in path[:-1]:
            target = target[key]
        if name == "set":
            target[path[-1]] = operation[2]
        elif name == "del":
            del target[path[-1]]
        elif name == "add":
            _append(target[path[-1]], operation[2])
        elif name == "put":
            target[path[-1]] = data[operation[2]]
        elif name == "app":
            _append(target[path[-1]], data[operation[2]])
        else:
            raise TypeError(f"unknown operation {name!r}")
    return state


def _append(target: Any, value: Any) -> None:
    if isinstance(target, dict):
        target["count"] += 1
        target = target["tail"]
    target.append(value)
