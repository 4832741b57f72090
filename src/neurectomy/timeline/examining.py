"""Looks at every run of a store: how far each is sound, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged, StorageError
from neurectomy.storage.port import RunRow
from neurectomy.timeline import chain
from neurectomy.timeline.event import decode_header, decode_payload
from neurectomy.timeline.fold import fold
from neurectomy.timeline.log import PAGE, UNFOLDABLE
from neurectomy.timeline.mentions import digests_in
from neurectomy.timeline.values import Values, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from neurectomy.storage.port import EventRow, Store

EVER = 2**53
"""A place after every event."""


class Examined(Struct):
    """What was found of one run.

    Attributes:
        row: As it is stored, with what it continues.
        sound: The last event up to which everything matches, ancestors included.
        link: Of the chain there.
        state: There; null where redaction left it unknown.
        problems: What is wrong, in sentences; empty where nothing is.
        cut: Whether its events or its row have to change.
        keyframes: What its keyframes must be where they are not; null for one that goes.
        lost: Digests of blobs that it names and that are lost, with the first event that does.
    """

    row: RunRow
    sound: int = 0
    link: bytes = chain.GENESIS
    state: Any = None
    problems: list[str] = []
    cut: bool = False
    keyframes: dict[int, bytes | None] = {}
    lost: dict[str, int] = {}


class Blobs(Struct, frozen=True):
    """Which blobs there are, and why those that are lost are."""

    known: frozenset[str]
    lost: dict[str, str]


class Report(Struct, frozen=True):
    """What `examine` found: runs, each after those that it continues, and blobs."""

    runs: list[Examined]
    blobs: Blobs

    def problems(self) -> list[tuple[str, str]]:
        """What is wrong, with the run's id; empty where it is about none."""
        found = [(one.row.id, text) for one in self.runs for text in one.problems]
        named = {digest for one in self.runs for digest in one.lost}
        for digest in sorted(self.blobs.lost.keys() - named):
            reason = self.blobs.lost[digest]
            found.append(("", f"the blob {digest[:12]}, which no event names itself, {reason}"))
        return found


def examine(store: Store, told: Callable[[int, int], None] = lambda done, runs: None) -> Report:
    """Look at every run, hidden ones too. Blocking.

    Args:
        store: Is only read.
        told: Told of each run that was looked at, and how many there are.
    """
    torn, rows = set(), []
    for row in store.upkeep.runs():
        ancestry = store.upkeep.ancestry(row.id)
        if ancestry != row.ancestry:
            torn.add(row.id)
        rows.append(structs.replace(row, ancestry=ancestry))
    rows.sort(key=lambda row: (len(row.ancestry), row.id))
    blobs = look_at_blobs(store)
    wanted: dict[str, set[int]] = {}
    for row in rows:
        if row.ancestry:
            wanted.setdefault(row.ancestry[-1].run, set()).add(row.ancestry[-1].until)
    parents: dict[str, _Run] = {}
    for number, row in enumerate(rows, 1):
        run = _Run(store, row, wanted.get(row.id, set()), blobs)
        if row.id in torn:
            run.found.problems.append("its row does not say what it continues")
            run.found.cut = True
        run.look(parents.get(row.ancestry[-1].run) if row.ancestry else None)
        parents[row.id] = run
        told(number, len(rows))
    return Report([run.found for run in parents.values()], blobs)


def look_at_blobs(store: Store) -> Blobs:
    """Read every blob. Blocking."""
    known, lost = [], {}
    for digest in store.upkeep.digests():
        known.append(digest)
        try:
            store.blob(digest)
        except Damaged:
            gone = not store.upkeep.stored(digest)
            lost[digest] = "is missing" if gone else "does not match its hash"
    return Blobs(frozenset(known), lost)


class _Stop(Exception):
    """The first thing that is wrong with a run's events."""


class _Run:
    """One run while it is looked at."""

    def __init__(self, store: Store, row: RunRow, wanted: Collection[int], blobs: Blobs) -> None:
        self._store = store
        self._wanted = wanted
        self._blobs = blobs
        self._values = Values(store.blob)
        self._state: Any = {}
        self.kept: dict[int, tuple[bytes, bytes]] = {}
        self.found = Examined(row, problems=[], keyframes={}, lost={})

    def look(self, parent: _Run | None) -> None:
        found, row = self.found, self.found.row
        start = row.ancestry[-1].until if row.ancestry else 0
        if row.program and row.program not in self._blobs.known:
            found.lost[row.program] = start + 1
        self._names(row.program.encode(), start + 1, None)
        try:
            if row.ancestry:
                self._begin(parent, start)
            self._events(start)
            self._end(start)
        except _Stop as stop:
            found.problems.append(str(stop))
            found.cut = True
        found.state = self._state
        for seq in self._store.upkeep.keyframes(row.id, EVER):
            if seq > found.sound and seq not in found.keyframes:
                found.keyframes[seq] = None
                if not found.cut:
                    found.problems.append(f"the keyframe of event {seq} has no event")
        for digest, seq in found.lost.items():
            reason = self._blobs.lost.get(digest, "is missing")
            found.problems.append(f"the blob {digest[:12]}, which event {seq} names, {reason}")

    def _begin(self, parent: _Run | None, start: int) -> None:
        if parent is None:
            raise _Stop("the run that it continues is missing")
        if start not in parent.kept:
            self.found.sound, self.found.link = parent.found.sound, parent.found.link
            self._state = codecs.decode(codecs.encode(parent.found.state))
            raise _Stop(f"the run that it continues is damaged before event {start}")
        self.found.sound = start
        self.found.link, state = parent.kept[start]
        self._state = codecs.decode(state)

    def _events(self, start: int) -> None:
        row, keyframes = self.found.row, set(self._store.upkeep.keyframes(self.found.row.id, EVER))
        after = start
        while after < row.head:
            try:
                events = self._store.events(row.id, after, row.head, PAGE)
            except (StorageError, TypeError, ValueError) as error:
                raise _Stop(f"event {after + 1} or one soon after cannot be read") from error
            if not events:
                raise _Stop(f"event {after + 1} is missing, and the run goes on to {row.head}")
            for event in events:
                self._event(event, self.found.sound + 1)
                if event.seq in keyframes:
                    self._keyframe(event.seq)
                if event.seq in self._wanted:
                    self.kept[event.seq] = (self.found.link, codecs.encode(self._state))
            after = events[-1].seq

    def _event(self, event: EventRow, seq: int) -> None:
        if event.seq != seq:
            raise _Stop(f"event {seq} is missing, and the run goes on to {self.found.row.head}")
        try:
            link = chain.verify([event], self.found.link)
            place, kind, _, step, *_ = decode_header(event.header)
            if (place, kind, step) != (seq, event.kind, event.step):
                raise _Stop(f"event {seq} is not what its header says")
            if event.payload is None:
                self._state = None
            else:
                data, patch = decode_payload(event.payload)
                if self._state is not None:
                    self._state = fold(self._state, patch, data)
                self._names(event.payload, seq, (data, patch))
        except Damaged as error:
            raise _Stop(error.message) from error
        except UNFOLDABLE as error:
            message = f"event {seq} does not fit what is before it ({type(error).__name__})"
            raise _Stop(message) from error
        self.found.sound, self.found.link = seq, link

    def _keyframe(self, seq: int) -> None:
        stored = self._store.keyframe(self.found.row.id, seq)
        root = stored[1] if stored is not None else b""
        try:
            state = codecs.decode(root)
        except (ValueError, RecursionError):
            state = None
        if self._state is None:  # what was redacted is in no later state but in a keyframe's
            self._state = state
            if state is None:
                self.found.problems.append(f"the keyframe of event {seq} cannot be read")
                self.found.keyframes[seq] = None
            return
        packed = pack(self._state, self._values)
        fresh = self._values.take_fresh()
        if packed == root or self._alike(state, packed, fresh):
            return
        self.found.problems.append(f"the keyframe of event {seq} is not what its events give")
        self.found.keyframes[seq] = packed

    def _alike(self, state: Any, packed: bytes, fresh: dict[str, bytes]) -> bool:
        """Whether a state that was stored in another form is the same."""
        if state is None:
            return False
        try:
            ours = unpack(codecs.decode(packed), Values(fresh.get))
            return bool(unpack(state, self._values) == ours)
        except (Damaged, *UNFOLDABLE):
            return False

    def _names(self, text: bytes, seq: int, values: Any) -> None:
        """Remember the lost blobs that an event is the first to name."""
        if self._blobs.lost:
            for digest in digests_in(text) & self._blobs.lost.keys():
                self.found.lost.setdefault(digest, seq)
        if b"$blob" in text:
            for digest in _references(values) - self._blobs.known:
                self.found.lost.setdefault(digest, seq)

    def _end(self, start: int) -> None:
        found, row = self.found, self.found.row
        wrong = []
        if found.link != (row.link or chain.GENESIS):
            wrong.append("its row does not have the link of its last event")
        written = row.head > start and not row.hidden and isinstance(self._state, dict)
        status = self._state.get("status") if written else None
        if status not in (None, row.status):
            wrong.append(f"its row says that it is {row.status}, and its events {status}")
        elif status and self._state.get("accounts") != row.accounts:
            wrong.append("its row does not have the accounts of its last event")
        if self._store.events(row.id, row.head, EVER, 1):
            wrong.append(f"it has events after its end, which is event {row.head}")
        found.problems += wrong
        found.cut = found.cut or bool(wrong)


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$blob"), str):
            return {value["$blob"]}
        return {digest for inner in value.values() for digest in _references(inner)}
    if isinstance(value, list | tuple):
        return {digest for inner in value for digest in _references(inner)}
    return set()
