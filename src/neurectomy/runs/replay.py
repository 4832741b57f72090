"""Replay: recorded completions, recorded order, every decision computed again and compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from neurectomy.core import codecs
from neurectomy.core.errors import NeurectomyError
from neurectomy.runs.completions import COMPLETIONS
from neurectomy.runs.machine import Machine
from neurectomy.timeline.fold import fold
from neurectomy.timeline.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from neurectomy.runs.plan import Plan
    from neurectomy.timeline.event import Draft, Event
    from neurectomy.timeline.values import ReadBlob

CHANGES = frozenset({"run.forked", "run.changed"})
"""Kinds of events that may name another program."""

FORGET_EVERY = 256
"""Events after which values that were interned again are dropped from memory."""


MOST_SHOWN = 256 * 1024
"""Bytes of a value that is shown where it differs."""


class Difference(Struct, frozen=True):
    """The first place where the log and the program do not agree.

    Attributes:
        recorded: What the log has there; null where it has nothing.
        computed: What the program decides there; null where it decides nothing.
    """

    seq: int
    step: str
    message: str
    recorded: dict[str, Any] | None
    computed: dict[str, Any] | None


class Replay(Struct, frozen=True):
    """The end of a replay.

    Attributes:
        compared: How many events agree.
        program_changes: What differs in the program that was replayed from the one that decided
            where they part, a line each; empty where it is the recorded one.
    """

    run: str
    agrees: bool
    compared: int
    difference: Difference | None = None
    program_changes: tuple[str, ...] = ()


class Replayer:
    """Compares the events of one run, fed in order. Calls nothing and writes nothing.

    Args:
        read: Reads the run's blobs.
        programs: Prepares the program that an event names by the digest of its bundle.

    Attributes:
        program: Digest of the bundle that decides, as the log says it.
    """

    def __init__(self, run: str, read: ReadBlob, programs: Callable[[str], Plan]) -> None:
        self._run = run
        self._values = Values(read)
        self._programs = programs
        self._machine: Machine | None = None
        self._state: Any = {}
        self._compared = 0
        self._difference: Difference | None = None
        self.program = ""

    def feed(self, events: Iterable[Event]) -> bool:
        """Compare more events; false once a difference was found."""
        for event in events:
            self._difference = self._compare(event)
            if self._difference is not None:
                return False
            self._compared += 1
            if self._compared % FORGET_EVERY == 0:
                self._values.take_fresh()
        return True

    def result(self) -> Replay:
        """What was found so far."""
        return Replay(self._run, self._difference is None, self._compared, self._difference)

    def _compare(self, event: Event) -> Difference | None:
        if event.data is None or event.patch is None:
            message = f"what happened at event {event.seq} was redacted"
            return Difference(event.seq, event.step, message, None, None)
        try:
            draft = self._computed(event)
        except NeurectomyError as error:
            return Difference(event.seq, event.step, error.message, _recorded(event), None)
        except (KeyError, IndexError, TypeError, AttributeError, AssertionError) as error:
            message = f"the program does not get here ({type(error).__name__}: {error})"
            return Difference(event.seq, event.step, message, _recorded(event), None)
        computed = None if draft is None else _as_data(draft)
        recorded = _recorded(event)
        if computed is None:
            message = "the log goes on, and the program decides nothing more"
            return Difference(event.seq, event.step, message, recorded, None)
        for part in ("kind", "step", "causes", "data", "patch"):
            if codecs.encode(recorded[part]) != codecs.encode(computed[part]):
                return Difference(
                    event.seq,
                    event.step,
                    _DIFFERS[part],
                    self._readable(recorded),
                    self._readable(computed),
                )
        self._state = fold(self._state, event.patch, event.data)
        return None

    def _readable(self, side: dict[str, Any]) -> dict[str, Any]:
        """One side of a difference with the values in it that it only refers to."""
        return {**side, "data": self._whole(side["data"])}

    def _whole(self, value: Any) -> Any:
        if isinstance(value, dict) and "$blob" in value:
            return self._values.resolve(value) if value["bytes"] <= MOST_SHOWN else value
        if isinstance(value, dict):
            return {name: self._whole(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._whole(inner) for inner in value]
        return value

    def _computed(self, event: Event) -> Draft | None:
        assert event.data is not None
        machine = self._machine
        program = _program_of(event.kind, event.data)
        if machine is None or program is not None:
            self.program = program or ""
            machine = self._machine = Machine(self._programs(self.program), self._values)
        if event.kind in COMPLETIONS:
            data = codecs.decode(codecs.encode(event.data))
            return machine.complete(self._state, event.seq, event.kind, event.step, data)
        return machine.decide(self._state, event.seq)


def _program_of(kind: str, data: dict[str, Any]) -> str | None:
    """The digest of the bundle that decides from an event on; null where it stays the same."""
    if kind == "run.created":
        return str(data["program"])
    if kind in CHANGES:
        found = data["changes"].get("program")
        return None if found is None else str(found)
    return None


_DIFFERS = {
    "kind": "something else happens",
    "step": "it happens at another step",
    "causes": "it has other causes",
    "data": "what happens differs",
    "patch": "what follows from it differs",
}
"""What is told by the first part of an event that differs."""


def _recorded(event: Event) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "step": event.step,
        "causes": list(event.causes),
        "data": event.data,
        "patch": event.patch,
    }


def _as_data(draft: Draft) -> dict[str, Any]:
    return {
        "kind": draft.kind,
        "step": draft.step,
        "causes": list(draft.causes),
        "data": draft.data,
        "patch": draft.patch,
    }
