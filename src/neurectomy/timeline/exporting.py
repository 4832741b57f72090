"""From the store into a file: runs with all that they name, checked on the way."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import msgspec
from msgspec import Raw, structs

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged, InvalidInput, NotFound
from neurectomy.storage.ancestry import segments
from neurectomy.timeline import archive, chain
from neurectomy.timeline.archive import ArchivedEvent, ArchivedKeyframe, ArchivedRun, Manifest
from neurectomy.timeline.mentions import PAGE, mentioned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from neurectomy.storage.port import EventRow, RunRow, Store

_SMALL = 128
"""Bytes under which deflating a blob saves nothing."""


def export_runs(store: Store, runs: Sequence[str], file: IO[bytes]) -> Manifest:
    """Write runs, the prefixes that they continue, and everything that they name. Blocking.

    Args:
        store: Where they are.
        runs: Their ids.
        file: Written from its start; must be readable too. The same runs give the same bytes.

    Raises:
        NotFound: There is no such run.
        InvalidInput: A run has no event yet.
        Damaged: An event, a keyframe or a blob is missing or does not match its hash.
    """
    parts = _Export(store, runs)
    manifest = parts.manifest()
    with archive.ArchiveWriter(file) as writer:
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
        writer.add(archive.MANIFEST, [content])
        for row in parts.rows:
            writer.add(archive.events_member(row.id), parts.events(row))
            if parts.keyframes[row.id]:
                writer.add(archive.keyframes_member(row.id), parts.roots(row))
        for digest in parts.blobs:
            content = parts.blob(digest)
            writer.add(archive.blob_member(digest), [content], packed=len(content) > _SMALL)
        writer.seal()
    return manifest


class _Export:
    """What goes into one file."""

    def __init__(self, store: Store, runs: Sequence[str]) -> None:
        self._store = store
        self._whole = set(runs)
        self.rows = [self._clipped(run, until) for run, until in self._untils(runs)]
        self.keyframes = {row.id: store.upkeep.keyframes(row.id, row.head) for row in self.rows}
        known = {digest for row in self.rows for digest in store.upkeep.uses(row.id)}
        named = {digest for row in self.rows for digest in mentioned(store, row, known)}
        self.blobs = sorted(self._with_parts(named))
        self._bytes = sum(len(self.blob(digest)) for digest in self.blobs)

    def _untils(self, runs: Sequence[str]) -> list[tuple[str, int]]:
        """Each run of the file and how much of it, every one after those that it continues."""
        untils: dict[str, int] = {}
        for run in runs:
            row = self._row(run)
            if row.hidden:
                raise _no_run(run)
            if row.head == 0:
                message = f"the run {run} has no event yet"
                raise InvalidInput(message, hint="Export it once it has begun.")
            for part, first, until in segments(row):
                if until > first or part == run:
                    untils[part] = max(untils.get(part, 0), until)
        rows = {run: self._row(run) for run in untils}
        return sorted(untils.items(), key=lambda item: (len(rows[item[0]].ancestry), item[0]))

    def _row(self, run: str) -> RunRow:
        row = self._store.run(run)
        if row is None:
            raise _no_run(run)
        return row

    def _clipped(self, run: str, until: int) -> RunRow:
        """A row as the file has it: of a prefix, only what the chain needs."""
        row = self._row(run)
        if run in self._whole:
            return row
        found = self._store.events(run, until - 1, until, 1)
        if not found:
            raise _missing(run, until)
        return structs.replace(
            row,
            title="",
            status="running",
            ended_us=None,
            head=until,
            link=found[0].link,
            accounts={},
            labels={},
        )

    def _with_parts(self, named: set[str]) -> set[str]:
        found, waiting = set(named), list(named)
        while waiting:
            for part in self._store.upkeep.parts(waiting.pop()):
                if part not in found:
                    found.add(part)
                    waiting.append(part)
        return found

    def manifest(self) -> Manifest:
        """The first member."""
        described = [
            ArchivedRun(
                row.id,
                row.id in self._whole,
                row.flow,
                row.program,
                row.meaning,
                row.source,
                row.title,
                row.status,
                row.created_us,
                row.ended_us,
                row.ancestry,
                row.head,
                row.link.hex(),
                row.accounts,
                row.labels,
                len(self.keyframes[row.id]),
            )
            for row in self.rows
        ]
        blobs, size = len(self.blobs), self._bytes
        return Manifest("neurectomy.runs", 1, tuple(described), blobs, size)

    def events(self, row: RunRow) -> Iterator[bytes]:
        """A run's own events as lines; the chain is checked as they pass."""
        after, link = 0, chain.GENESIS
        if row.ancestry:
            last = row.ancestry[-1]
            found = self._store.events(last.run, last.until - 1, last.until, 1)
            if not found:
                raise _missing(last.run, last.until)
            after, link = last.until, found[0].link
        while after < row.head:
            rows = self._store.events(row.id, after, row.head, PAGE)
            rows = [event for seq, event in enumerate(rows, after + 1) if event.seq == seq]
            if not rows:
                raise _missing(row.id, after + 1)
            link = chain.verify(rows, link)
            after = rows[-1].seq
            yield b"".join(_line(event) for event in rows)
        if link != row.link:
            message = "the chain does not end as the run says"
            raise Damaged(message, hint=_MEND, seq=row.head)

    def roots(self, row: RunRow) -> Iterator[bytes]:
        """A run's own keyframes as lines."""
        for seq in self.keyframes[row.id]:
            found = self._store.keyframe(row.id, seq)
            if found is None or found[0] != seq:
                raise Damaged(f"the keyframe of event {seq} is missing", hint=_MEND, seq=seq)
            root = _json(found[1], f"the keyframe of event {seq}")
            yield codecs.encode(ArchivedKeyframe(seq, root)) + b"\n"

    def blob(self, digest: str) -> bytes:
        """The content of a blob."""
        content = self._store.blob(digest)
        if content is None:
            raise Damaged(f"the blob {digest[:12]} is missing", hint=_MEND, digest=digest)
        return content


_MEND = "Look at the damage with: neurectomy doctor"
_NULL = Raw(b"null")


def _line(event: EventRow) -> bytes:
    where = f"event {event.seq}"
    return (
        codecs.encode(
            ArchivedEvent(
                _json(event.header, where),
                _NULL if event.payload is None else _json(event.payload, where),
                None if event.salt is None else event.salt.hex(),
                event.payload_hash.hex(),
                event.link.hex(),
            )
        )
        + b"\n"
    )


def _json(content: bytes, where: str) -> Raw:
    """Stored JSON as it is, once it is known to be some, in one line."""
    try:
        codecs.decode(content)
    except (ValueError, RecursionError):
        raise Damaged(f"{where} cannot be read", hint=_MEND) from None
    if b"\n" in content:
        raise Damaged(f"{where} was not written by this program", hint=_MEND)
    return Raw(content)


def _missing(run: str, seq: int) -> Damaged:
    return Damaged(f"event {seq} of the run {run} is missing", hint=_MEND, seq=seq)


def _no_run(run: str) -> NotFound:
    return NotFound(f"there is no run {run}", hint="List them with: neurectomy runs list")
