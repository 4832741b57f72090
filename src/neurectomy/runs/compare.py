"""Two runs beside each other: their steps, programs, states, files, costs, and where they part."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from msgspec import Struct

from neurectomy.agents import changes
from neurectomy.core.errors import Damaged, InvalidInput
from neurectomy.runs.alignment import GIVEN, Alignment, StepPair
from neurectomy.runs.bundle import read_bundle
from neurectomy.runs.differences import ValueChange, differences
from neurectomy.runs.file_changes import FileChange, described
from neurectomy.runs.malformed import telling
from neurectomy.runs.steps import StepReader
from neurectomy.snapshots import tree
from neurectomy.storage.ancestry import segments
from neurectomy.timeline.event import from_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from neurectomy.runs.readings import Readings
    from neurectomy.runs.steps import Gathered, Step
    from neurectomy.storage.port import RunRow
    from neurectomy.timeline.event import Event
    from neurectomy.timeline.log import Log

T = TypeVar("T")

Listed = Literal["different", "own", "all"]
"""Which pairs of steps are listed: those that differ, those after what is shared, or every one."""

MOST_CHANGES = 500
"""Places of the state, and files, that are listed."""

MOST_PAIRS = 400_000
"""Pairs of all the comparisons together that are kept in memory."""

_APART = frozenset(
    {"accounts", "ready", "program", "files", "breakpoints", "paused", "passed", "stepping"}
)
"""Parts of the state that are told in another way, or say how a run was scheduled and watched."""

_INNER = frozenset({"seq", "joined", "reserved", "messages", "done"})
"""What of frames and pending effects names events, is a guess, or is told with the steps."""


class ComparedRun(Struct, frozen=True):
    """One of two runs.

    Attributes:
        took_us: On the run's own clock, from its start to its last event; of a fork, what it
            shares with its parent included. Likewise ``accounts``.
    """

    run: str
    title: str
    flow: str
    source: str
    status: str
    head: int
    created: int
    took_us: int
    accounts: dict[str, int]


class ProgramChange(Struct, frozen=True):
    """A difference of the programs; ``line`` says it in words."""

    line: str
    status: changes.Status
    kind: changes.Kind
    before: str | None
    after: str | None


class Parting(Struct, frozen=True):
    """The first step that is not the same, and the event of each run where that shows."""

    step: str
    a: int | None
    b: int | None


class Comparison(Struct, frozen=True):
    """Two runs beside each other.

    Attributes:
        same: Whether nothing differs but time, cost and the number of events.
        shared: The events that both have from a common ancestor; they are not compared.
        counts: Pairs of steps after what is shared, by status.
        program: What differs between the programs that the runs ended with.
        state: Where the last states differ; accounts, program and files are told apart.
        problems: What could not be read, and is therefore not told.
        pairs: A page of the steps.
        next: To be passed as ``after`` for more; null where there are none.
    """

    a: ComparedRun
    b: ComparedRun
    same: bool
    shared: int
    parting: Parting | None
    counts: dict[str, int]
    program: list[ProgramChange]
    state: list[ValueChange]
    files: list[FileChange]
    problems: list[str]
    pairs: list[StepPair]
    next: int | None = None


class _Whole(Struct, frozen=True):
    """A comparison with all its pairs, those of the shared events only where asked for."""

    told: Comparison
    pairs: list[StepPair]


class Comparer:
    """Compares runs, and remembers the last comparisons, since they are read in pages."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings
        self._kept: OrderedDict[tuple[Any, ...], _Whole] = OrderedDict()

    async def compare(
        self, a: str, b: str, listed: Listed = "different", after: int = 0, limit: int = 1000
    ) -> Comparison:
        """Compare two runs.

        Args:
            a: A run's id.
            b: Another's.
            listed: Which pairs are given.
            after: How many pairs to leave out, for the next page.
            limit: The most pairs to give.

        Raises:
            NotFound: There is no such run.
            Damaged: A log has a gap, or its values are missing.
            InvalidInput: ``after`` is negative, or ``limit`` less than one.
        """
        if after < 0 or limit < 1:
            hint = "Give what the last page has as next."
            raise InvalidInput("a page begins at 0 or later and holds something", hint=hint)
        rows = await self._readings.row(a), await self._readings.row(b)
        whole = await self._whole(*rows, whole=listed == "all")
        pairs: Iterator[StepPair] = iter(whole.pairs)
        if listed == "different":
            pairs = (pair for pair in pairs if pair.status != "same")
        after = min(after, len(whole.pairs))
        page = list(islice(pairs, after, after + limit))
        more = next(pairs, None) is not None
        told = whole.told
        return Comparison(
            told.a, told.b, told.same, told.shared, told.parting, told.counts,
            told.program, told.state, told.files, told.problems, page,
            after + limit if more else None,
        )  # fmt: skip

    async def _whole(self, a: RunRow, b: RunRow, *, whole: bool) -> _Whole:
        key = (a.id, a.head, b.id, b.head, whole)
        found = self._kept.pop(key, None)
        if found is None:
            found = await asyncio.to_thread(_compare, self._readings.log, a, b, whole=whole)
        self._kept[key] = found
        while len(self._kept) > 1 and sum(len(w.pairs) for w in self._kept.values()) > MOST_PAIRS:
            self._kept.popitem(last=False)
        return found


def shared_events(a: RunRow, b: RunRow) -> int:
    """How many events two runs have from a common ancestor, or all where they are one run."""
    shared = 0
    for (run_a, _, until_a), (run_b, _, until_b) in zip(segments(a), segments(b), strict=False):
        if run_a != run_b:
            break
        shared = min(until_a, until_b)
        if until_a != until_b:
            break
    return shared


@telling()
def _compare(log: Log, a: RunRow, b: RunRow, *, whole: bool) -> _Whole:
    shared = shared_events(a, b)
    problems: list[str] = []
    first = 0 if whole else shared
    steps_a, steps_b = (_steps(log, row, first, problems) for row in (a, b))
    pairs = list(Alignment(steps_a, steps_b).pairs())
    last_a, last_b = (_state(log, row, row.head, problems) for row in (a, b))
    both = bool(last_a and last_b)
    state = list(islice(differences(_telling(last_a), _telling(last_b)), MOST_CHANGES * both))
    programs = last_a.get("program", a.program), last_b.get("program", b.program)
    program = _unless_damaged(problems, _program, log, *programs) or []
    trees = last_a.get("files"), last_b.get("files")
    files = _unless_damaged(problems, _files, log, trees, programs) or []
    own = [pair for pair in pairs if not _is_within(pair, shared)] if whole else pairs
    counts: Counter[str] = Counter(pair.status for pair in own)
    same = not (program or state or files or problems or len(own) > counts["same"])
    told = Comparison(
        _side(log, a), _side(log, b), same, shared, _parting(own, shared), dict(counts),
        program, state, files, list(dict.fromkeys(problems)), [],
    )  # fmt: skip
    return _Whole(told, pairs)


def _unless_damaged(problems: list[str], read: Callable[..., T], *arguments: Any) -> T | None:
    """What is read; null where it cannot be, and why is kept: one damage hides nothing else."""
    try:
        return read(*arguments)
    except Damaged as error:
        problems.append(error.message)
        return None


def _is_within(pair: StepPair, shared: int) -> bool:
    """Whether a step began and ended in what two runs share."""
    step = pair.a or pair.b
    return step is not None and step.end is not None and step.end <= shared


def _steps(log: Log, row: RunRow, after: int, problems: list[str]) -> dict[str, Gathered]:
    state = _state(log, row, after, problems)
    reader = StepReader(state, _begun(log, row, state))
    while after < row.head:
        events = [from_row(found) for found in log.rows(row.id, after, 1000)]
        for seq, event in enumerate(events, after + 1):
            if event.seq != seq:
                events = events[: seq - after - 1]
                break
        if not events:
            message = f"event {after + 1} of {row.id} is missing, and the run goes on to {row.head}"
            hint = "Restore the workspace from a backup; the events before it are sound."
            raise Damaged(message, hint=hint, seq=after + 1)
        reader.feed(event for event in events if event.seq <= row.head)
        after = events[-1].seq
    return reader.steps()


def _begun(log: Log, row: RunRow, state: dict[str, Any]) -> list[Event]:
    """The events that asked for what is pending in a state."""
    asked = [pending for pending in state.get("pending", {}).values() if pending["kind"] != "timer"]
    found = [log.rows(row.id, pending["seq"] - 1, 1) for pending in asked]
    return [from_row(event) for events in found for event in events]


def _state(log: Log, row: RunRow, at: int, problems: list[str]) -> dict[str, Any]:
    return (_unless_damaged(problems, log.state, row.id, at) or {}) if at else {}


def _telling(state: dict[str, Any]) -> dict[str, Any]:
    """What of a state says something about the run, and not about the order of its events."""
    told = {name: value for name, value in state.items() if name not in _APART}
    for name in ("frames", "pending"):
        inner = told.get(name, {})
        told[name] = {
            path: {key: value for key, value in each.items() if key not in _INNER}
            for path, each in inner.items()
        }
    return told


def _program(log: Log, a: str, b: str) -> list[ProgramChange]:
    if a == b:
        return []
    one, other = (read_bundle(log.reader.blob(digest)) for digest in (a, b))
    found = [
        *changes.between(one.compiled(), other.compiled()),
        *changes.between_files(one.files, other.files),
    ]
    return [ProgramChange(c.line, c.status, c.kind, c.before, c.after) for c in found]


def _files(
    log: Log, trees: tuple[dict[str, Any] | None, ...], programs: tuple[str, str]
) -> list[FileChange]:
    """The files that differ; those of the programs are told apart, with what differs in them."""
    a, b = trees
    if not a or not b or a["root"] == b["root"]:
        return []
    read = log.reader.blob
    known: set[str] = set()
    if programs[0] != programs[1]:
        for digest in programs:
            with suppress(Damaged):  # that is told already
                known.update(read_bundle(read(digest)).texts())
    found = (one for one in tree.changes(a["root"], b["root"], read) if one.path not in known)
    return described(islice(found, MOST_CHANGES))


def _shows(step: Step | None, shared: int, *, early: bool) -> int | None:
    """The event at which a step is not the same: its first one, unless that is shared."""
    if step is None:
        return None
    own = step.start is not None and step.start > shared
    return step.start if early and own else step.end or step.start


def _parting(pairs: Sequence[StepPair], shared: int) -> Parting | None:
    """Where the first step that differs shows that it does."""
    first: tuple[int, Parting] | None = None
    for pair in pairs:
        if pair.status == "same":
            continue
        early = pair.status != "changed" or bool(GIVEN & set(pair.differs))
        places = [_shows(step, shared, early=early) for step in (pair.a, pair.b)]
        step = pair.a or pair.b
        assert step is not None
        at = min((place for place in places if place is not None), default=0)
        if first is None or at < first[0]:
            first = at, Parting(step.path, places[0], places[1])
    return None if first is None else first[1]


def _side(log: Log, row: RunRow) -> ComparedRun:
    last = log.rows(row.id, row.head - 1, 1) if row.head else []
    took = from_row(last[0]).mono if last else 0
    return ComparedRun(
        row.id, row.title, row.flow, row.source, row.status, row.head, row.created_us, took,
        row.accounts,
    )  # fmt: skip
