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
    from collections.abc import Iterable

    from neurectomy.runs.plan import Plan
    from neurectomy.timeline.event import Draft, Event
    from neurectomy.timeline.values import ReadBlob

FORGET_EVERY = 256
"""Events after which values that were interned again are dropped from memory."""


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
    """The end of a replay; ``compared`` counts the events that agree."""

    run: str
    agrees: bool
    compared: int
    difference: Difference | None = None


class Replayer:
    """Compares the events of one run, fed in order. Calls nothing and writes nothing.

    Args:
        plan: The program, the recorded one or an edited one.
        read: Reads the run's blobs.
    """

    def __init__(self, run: str, plan: Plan, read: ReadBlob) -> None:
        self._run = run
        self._values = Values(read)
        self._machine = Machine(plan, self._values)
        self._state: Any = {}
        self._compared = 0
        self._difference: Difference | None = None

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
            return Difference(event.seq, event.step, "the event was redacted", None, None)
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
                message = f"the {part} of the event differs"
                return Difference(event.seq, event.step, message, recorded, computed)
        self._state = fold(self._state, event.patch, event.data)
        return None

    def _computed(self, event: Event) -> Draft | None:
        if event.kind in COMPLETIONS:
            assert event.data is not None
            data = codecs.decode(codecs.encode(event.data))
            return self._machine.complete(self._state, event.seq, event.kind, event.step, data)
        return self._machine.decide(self._state, event.seq)


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
