"""From a file into the store: everything is checked before the first row is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict, Damaged, InvalidInput
from neurectomy.snapshots import tree
from neurectomy.storage.port import ELSEWHERE, RunRow
from neurectomy.storage.upkeep import Arrival
from neurectomy.timeline.archive import (
    MANIFEST,
    MOST_EVENT,
    MOST_KEYFRAME,
    ArchiveReader,
    blob_member,
    events_member,
    keyframes_member,
    refused,
    refusing,
)
from neurectomy.timeline.bounds import MOST_OF_LINE, MOST_OF_VALUE, is_bounded
from neurectomy.timeline.checking import RunCheck, read_event, read_keyframe
from neurectomy.timeline.event import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from neurectomy.storage.port import EventRow, Store
    from neurectomy.timeline.archive import ArchivedRun

Sound = Callable[[RunRow, Any, Callable[[str], bytes]], None]
"""Given a run, its state at its head and what reads the file's blobs, raises `InvalidInput` where
no run of this program can be so. The state is null where redaction left it unknown."""


class Imported(Struct, frozen=True):
    """What came of a file.

    Attributes:
        runs: Ids of the runs that came in.
        present: Ids of those that were here already, event by event.
        events: That were written; blobs likewise, with their parts.
        mended: Blobs of runs that were here which were lost, and are there again.
    """

    runs: tuple[str, ...]
    present: tuple[str, ...]
    events: int
    blobs: int
    blob_bytes: int
    mended: int


Fits = Callable[[Event], None]
"""Given an event, raises `InvalidInput` where no reader of this program could read it."""


def import_runs(store: Store, path: Path, sound: Sound, fits: Fits = lambda _: None) -> Imported:
    """Take in the runs of a file: all of them, or none. Blocking.

    They come without a lease and stay as they are until somebody goes on with them.

    Raises:
        InvalidInput: The file is damaged, hostile or of a later version; the store is as it was.
        Conflict: A run of that id is here, and another one.
        StorageError: The store refused; it is as it was.
    """
    reader = ArchiveReader(path)
    try:
        return _Import(store, reader, sound, fits).done()
    except MemoryError:
        raise refused("it needs more memory than there is") from None
    finally:
        reader.close()


class _Import:
    """One file on its way into one store."""

    def __init__(self, store: Store, reader: ArchiveReader, sound: Sound, fits: Fits) -> None:
        self._store = store
        self._reader = reader
        self._sound = sound
        self._fits = fits
        self._runs = {run.id: run for run in reader.manifest.runs}
        self._rows: dict[str, RunRow] = {}
        self._blobs: dict[str, int] = {}
        self._parts: dict[str, tuple[str, ...]] = {}
        self._uses: dict[str, frozenset[str]] = {}

    def done(self) -> Imported:
        with refusing():
            self._check_rows()
            self._check_members()
            self._check_blobs()
            self._check_logs()
        arrivals, present = [], []
        for row in self._rows.values():
            arrival = self._arrival(row, self._store.run(row.id))
            if arrival is not None:
                arrivals.append(arrival)
            elif self._runs[row.id].whole:
                present.append(row.id)
        named = self._closure({d for arrival in arrivals for d in arrival.uses})
        if arrivals:
            parts = {digest: self._parts[digest] for digest in named & self._parts.keys()}
            contents = ((digest, self._blob(digest)) for digest in sorted(named))
            self._store.upkeep.bring(arrivals, contents, parts)
        return Imported(
            tuple(a.row.id for a in arrivals if not a.row.hidden),
            tuple(present),
            sum(a.row.head - (_start(a.row) if a.known is None else a.known) for a in arrivals),
            len(named),
            sum(self._blobs[digest] for digest in named),
            sum(self._mended(run) for run in present),
        )

    def _check_rows(self) -> None:
        if len(self._runs) != len(self._reader.manifest.runs):
            raise refused("a run is in it twice")
        for run in self._runs.values():
            row = _row(run)
            if row.ancestry:
                last = row.ancestry[-1]
                parent = self._rows.get(last.run)
                if parent is None or not _start(parent) < last.until <= parent.head:
                    raise refused(f"what the run {run.id} continues is not in it")
                if row.ancestry[:-1] != parent.ancestry or row.head < last.until:
                    raise refused(f"the ancestry of the run {run.id} is wrong")
            self._rows[run.id] = row
        continued = {ancestor.run for row in self._rows.values() for ancestor in row.ancestry}
        if any(not run.whole and run.id not in continued for run in self._runs.values()):
            raise refused("it has a part of a run that no other continues")

    def _check_members(self) -> None:
        wanted = {MANIFEST}
        for run in self._runs.values():
            wanted.add(events_member(run.id))
            if run.keyframes:
                wanted.add(keyframes_member(run.id))
        names = self._reader.names()
        if not wanted <= names:
            raise refused(f"{min(wanted - names)} is missing")
        for name in names - wanted:
            digest = name.removeprefix("blobs/").replace("/", "")
            if len(digest) != 64 or blob_member(digest) != name or digest.strip("0123456789abcdef"):
                raise refused(f"{name[:80]!r} does not belong there")
            self._blobs[digest] = self._reader.size(name)
        manifest = self._reader.manifest
        if (len(self._blobs), sum(self._blobs.values())) != (manifest.blobs, manifest.blob_bytes):
            raise refused("its blobs are not those that it says it has")

    def _check_blobs(self) -> None:
        for digest in self._blobs:
            content = self._blob(digest)
            if not content.startswith(_TREE) or not is_bounded(content, MOST_OF_VALUE):
                continue
            try:
                entries = tree.decode(content).entries
            except Damaged:
                continue  # a value that only begins like a folder
            parts = tuple(dict.fromkeys(entry.digest for entry in entries))
            if missing := set(parts) - self._blobs.keys():
                raise refused(f"the blob {min(missing)[:12]} of a folder is missing")
            self._parts[digest] = parts

    def _check_logs(self) -> None:
        wanted: dict[str, set[int]] = {}
        for row in self._rows.values():
            if row.ancestry:
                wanted.setdefault(row.ancestry[-1].run, set()).add(row.ancestry[-1].until)
        checks: dict[str, RunCheck] = {}
        for row in self._rows.values():
            parent = checks[row.ancestry[-1].run] if row.ancestry else None
            check = RunCheck(
                row, parent, wanted.get(row.id, set()), self._blobs, self._blob, self._fits
            )
            existing = self._store.run(row.id)
            if existing is not None:
                check.compare(existing, self._store)
            keyframes = self._keyframes(row, 0)
            self._uses[row.id] = check.run(self._events(row, 0), keyframes)
            checks[row.id] = check
            if self._runs[row.id].whole:
                self._sound(row, check.state, self._value)
        stray = self._blobs.keys() - self._closure(
            {d for uses in self._uses.values() for d in uses}
        )
        if stray:
            raise refused(f"nothing in it names the blob {min(stray)[:12]}")

    def _arrival(self, row: RunRow, existing: RunRow | None) -> Arrival | None:
        """What is to be written of a run; null where everything is here."""
        whole = self._runs[row.id].whole
        known = None
        if existing is not None:
            known = existing.head
            if existing.hidden and whole and existing.head > row.head:
                message = f"forks here continue a later part of the run {row.id} than the file has"
                raise Conflict(message, hint="Export it again where it is whole.")
            if existing.head >= row.head and not (existing.hidden and whole):
                return None
            if not existing.hidden:
                message = f"the run {row.id} is here up to event {existing.head}, and the file has"
                hint = f"Delete it, then import the file: neurectomy runs delete {row.id}"
                raise Conflict(f"{message} {row.head}", hint=hint)
            if not whole:
                row = structs.replace(existing, head=row.head, link=row.link)
        after = _start(row) if known is None else known
        events, keyframes = self._events(row, after), self._keyframes(row, after)
        return Arrival(row, known, events, keyframes, self._uses[row.id])

    def _mended(self, run: str) -> int:
        """Give a run that is here the blobs back that it has lost; how many."""
        lost = []
        for digest in sorted(self._closure(set(self._uses[run]))):
            try:
                if self._store.blob(digest) is None:
                    lost.append(digest)
            except Damaged:
                self._store.upkeep.lose(digest)
                lost.append(digest)
        for digest in lost:
            self._store.add_blobs(run, {digest: self._blob(digest)}, {})
        parts = {digest: self._parts[digest] for digest in lost if digest in self._parts}
        if parts:
            self._store.add_blobs(run, {}, parts)
        return len(lost)

    def _events(self, row: RunRow, after: int) -> Iterator[EventRow]:
        for line in self._reader.lines(events_member(row.id), MOST_EVENT, MOST_OF_LINE):
            event = read_event(line)
            if event.seq > after:
                yield event

    def _keyframes(self, row: RunRow, after: int) -> Iterator[tuple[int, bytes]]:
        if self._runs[row.id].keyframes:
            for line in self._reader.lines(keyframes_member(row.id), MOST_KEYFRAME, MOST_OF_VALUE):
                seq, root = read_keyframe(line)
                if seq > after:
                    yield seq, root

    def _blob(self, digest: str) -> bytes:
        content = self._reader.read(blob_member(digest))
        if codecs.digest(content) != digest:
            raise refused(f"the blob {digest[:12]} does not match its hash")
        return content

    def _value(self, digest: str) -> bytes:
        """A blob that is JSON to be decoded."""
        content = self._blob(digest)
        if not is_bounded(content, MOST_OF_VALUE):
            raise refused(f"the blob {digest[:12]} has more than {MOST_OF_VALUE} items")
        return content

    def _closure(self, digests: set[str]) -> set[str]:
        found, waiting = set(digests), list(digests)
        while waiting:
            for part in self._parts.get(waiting.pop(), ()):
                if part not in found:
                    found.add(part)
                    waiting.append(part)
        return found


_TREE = b'{"entries":'


def _start(row: RunRow) -> int:
    return row.ancestry[-1].until if row.ancestry else 0


def _row(run: ArchivedRun) -> RunRow:
    """The row of a run of a file, without a lease that lives.

    Raises:
        InvalidInput: Its source lies outside of the workspace.
    """
    parts = run.source.split("/")
    if not all(parts) or ".." in parts or "." in parts or "\\" in run.source:
        raise InvalidInput(
            f"the file is not imported: {run.source[:80]!r} is no path inside of a workspace",
            hint="Do not trust where it is from.",
        )
    return RunRow(
        run.id,
        run.flow,
        run.program,
        run.meaning,
        run.source,
        run.title,
        run.status,
        run.created_us,
        run.ancestry,
        run.head,
        bytes.fromhex(run.link),
        run.ended_us,
        run.accounts,
        run.labels,
        lease_owner=ELSEWHERE,
        hidden=not run.whole,
    )
