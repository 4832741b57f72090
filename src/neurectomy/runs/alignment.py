"""Which step of one run is which step of another: by path, then by what it is."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from neurectomy.runs.steps import Gathered, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

StepStatus = Literal["same", "changed", "added", "removed", "moved"]

PARTS = (
    "callee", "arguments", "question", "prompt", "model", "request", "answer", "refusal",
    "value", "error", "output", "files", "outcome", "redacted",
)  # fmt: skip
"""What two steps may differ in, in the order in which it is told."""

GIVEN = frozenset({"callee", "arguments", "question", "prompt", "model", "request"})
"""Those that are known when a step begins."""

_CALLS = frozenset({"agent", "flow", "tool", "map", "ask"})
_ENDS = frozenset({"answer", "value", "error"})

Steps = dict[str, Gathered]
Key = Any
"""Something hashable that is equal for steps that may be one; null for a step that is none."""


class StepPair(Struct, frozen=True):
    """A step of the first run, of the second, or of both.

    Attributes:
        status: ``moved`` where it stands at another path, whatever else differs; what is below a
            step that moved has not moved by itself. ``added`` is only in the second run.
        differs: Names of `PARTS`. What a step cost and how long it took is not among them.
        depth: How many steps it stands in.
    """

    status: StepStatus
    a: Step | None
    b: Step | None
    differs: tuple[str, ...] = ()
    depth: int = 0


class Alignment:
    """Pairs the steps of two runs; each step is in exactly one pair.

    Steps at one path are one step, as in replay. Of the others, the outer ones first, those that
    call the same with the same arguments are one step that moved, and what is below them is paired
    by the rest of its path. At last, what calls the same from within the same step, in its order.
    """

    def __init__(self, a: Steps, b: Steps) -> None:
        self._a, self._b = a, b
        self._to_b: dict[str, str] = {}
        self._to_a: dict[str, str] = {}
        self._moved: set[str] = set()
        self._below_a, self._below_b = _children(a), _children(b)
        for path in a:
            if path in b:
                self._join(path, path)
        self._match(_by_content)
        self._match(_by_place)

    def pairs(self) -> Iterator[StepPair]:
        """Every pair, each below the step that it stands in; the first run's order leads."""
        waiting = [self._group("", "", 0)]
        while waiting:
            found = next(waiting[-1], None)
            if found is None:
                waiting.pop()
                continue
            pair, a, b = found
            yield pair
            waiting.append(self._group(a, b, pair.depth + 1))

    def _join(self, a: str, b: str) -> None:
        self._to_b[a], self._to_a[b] = b, a

    def _match(self, key: Callable[[Gathered, str | None], Key]) -> None:
        """Join steps with equal keys, each in the order of its run, the outer ones first."""
        pool_a: list[str] = []
        pool_b: list[str] = []
        fresh_a = list(_tops("", self._below_a, self._to_b))
        fresh_b = list(_tops("", self._below_b, self._to_a))
        while fresh_a or fresh_b:
            pool_a = [path for path in (*pool_a, *fresh_a) if path not in self._to_b]
            pool_b = [path for path in (*pool_b, *fresh_b) if path not in self._to_a]
            keys_a = [key(self._a[path], self._image(self._a[path].parent)) for path in pool_a]
            keys_b = [key(self._b[path], self._own(self._b[path].parent)) for path in pool_b]
            for a, b in _zipped(zip(keys_a, pool_a, strict=True), zip(keys_b, pool_b, strict=True)):
                self._move(a, b)
            fresh_a = [p for path in fresh_a for p in _tops(path, self._below_a, self._to_b)]
            fresh_b = [p for path in fresh_b for p in _tops(path, self._below_b, self._to_a)]

    def _image(self, parent: str) -> str | None:
        """The second run's path of the step that a step of the first one stands in."""
        return self._to_b.get(parent) if parent else ""

    def _own(self, parent: str) -> str | None:
        return parent if not parent or parent in self._to_a else None

    def _move(self, a: str, b: str) -> None:
        """Join two steps, and what is below them by the rest of its path."""
        if a in self._to_b or b in self._to_a:
            return
        self._join(a, b)
        self._moved.add(a)
        waiting = list(self._below_a.get(a, ()))
        while waiting:
            path = waiting.pop()
            other = b + path[len(a) :]
            if path not in self._to_b and other in self._b and other not in self._to_a:
                self._join(path, other)
            waiting += self._below_a.get(path, ())

    def _group(
        self, a: str | None, b: str | None, depth: int
    ) -> Iterator[tuple[StepPair, str | None, str | None]]:
        """The pairs directly below one; what is only in the second run follows what it followed."""
        first = self._below_a.get(a, []) if a is not None else []
        second = self._below_b.get(b, []) if b is not None else []
        here, last = set(first), ""
        only_b: dict[str, list[str]] = defaultdict(list)
        for path in second:
            partner = self._to_a.get(path)
            if partner is None:
                only_b[last].append(path)
            elif partner in here:
                last = partner
        held = only_b[""]
        for path in first:
            other = self._to_b.get(path)
            if other is not None:
                yield from ((self._pair(None, one, depth), None, one) for one in held)
                held = only_b[path]
            yield self._pair(path, other, depth), path, other
        yield from ((self._pair(None, one, depth), None, one) for one in held)

    def _pair(self, a: str | None, b: str | None, depth: int) -> StepPair:
        first = None if a is None else self._a[a]
        second = None if b is None else self._b[b]
        if first is None or second is None:
            step_a, step_b = (None if one is None else one.step for one in (first, second))
            return StepPair("added" if first is None else "removed", step_a, step_b, (), depth)
        differs = _differences(first, second)
        status: StepStatus = "changed" if differs else "same"
        if a in self._moved:
            status = "moved"
        return StepPair(status, first.step, second.step, differs, depth)


def _children(steps: Steps) -> dict[str, list[str]]:
    below: dict[str, list[str]] = defaultdict(list)
    for path, gathered in steps.items():
        below[gathered.parent].append(path)
    return dict(below)


def _tops(path: str, below: dict[str, list[str]], joined: dict[str, str]) -> Iterator[str]:
    """The steps below one that are in no pair, while all between are."""
    waiting = list(reversed(below.get(path, ())))
    while waiting:
        found = waiting.pop()
        if found in joined:
            waiting += reversed(below.get(found, ()))
        else:
            yield found


def _zipped(
    first: Iterable[tuple[Hashable, str]], second: Iterable[tuple[Hashable, str]]
) -> list[tuple[str, str]]:
    """Paths with equal keys, the first with the first, the second with the second."""
    offered: dict[Hashable, list[str]] = defaultdict(list)
    for key, path in second:
        if key is not None:
            offered[key].append(path)
    taken: dict[Hashable, int] = defaultdict(int)
    found = []
    for key, path in first:
        if key is not None and taken[key] < len(offered.get(key, ())):
            found.append((path, offered[key][taken[key]]))
            taken[key] += 1
    return found


def _by_content(gathered: Gathered, parent: str | None) -> Key:
    """What a step calls, and with what; a binding is what it holds, within one step."""
    step, parts = gathered.step, gathered.parts
    if step.kind == "bind" and parent is not None and "value" in parts:
        return (step.kind, parent, parts["value"])
    given = parts.get("arguments") or parts.get("question")
    return (step.kind, step.callee, given) if step.kind in _CALLS and given else None


def _by_place(gathered: Gathered, parent: str | None) -> Key:
    """What a step calls, and from where."""
    step = gathered.step
    return (step.kind, step.callee, parent) if step.kind in _CALLS and parent is not None else None


def _differences(a: Gathered, b: Gathered) -> tuple[str, ...]:
    if ("redacted" in a.parts) != ("redacted" in b.parts):
        return ("redacted",)
    differs = {part for part in PARTS if a.parts.get(part) != b.parts.get(part)}
    one, other = a.step, b.step
    if one.kind != other.kind or (one.kind != "model" and one.callee != other.callee):
        differs.add("callee")
    if one.outcome != other.outcome and not differs & _ENDS:
        differs.add("outcome")
    return tuple(part for part in PARTS if part in differs)
