"""Brings damaged runs back to their last sound event; what cannot stay is set aside in files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged, StorageError
from neurectomy.storage.ancestry import fork_ancestry
from neurectomy.storage.blobs import RAW, ZLIB, expand
from neurectomy.storage.port import DOCTOR, ENDED
from neurectomy.timeline.examining import EVER
from neurectomy.timeline.log import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from neurectomy.storage.port import Ancestor, EventRow, RunRow, Store
    from neurectomy.timeline.examining import Examined, Report

REPAIRED = "repaired"
"""The label that says what was done to a run."""


class Mended(Struct, frozen=True):
    """What was done about one run, or about a blob.

    Attributes:
        run: Its id; empty where it is about none.
        text: A sentence.
        file: Where what was taken out is; empty where nothing was.
    """

    run: str
    text: str
    file: str = ""


def mend(store: Store, report: Report, aside: Path) -> list[Mended]:
    """Repair what `examine` found. Nothing that can be read is deleted. Blocking.

    A run keeps its events up to the last sound one, in a folder ``aside`` are the others. It does
    not go on by itself afterwards. Blobs that are lost stay named; one whose bytes are damaged is
    set aside and comes back with whoever writes the same content again.

    Args:
        store: Nobody else may be at work on it.
        report: What `examine` gave.
        aside: A folder for what is taken out; made when it is needed.
    """
    done: list[Mended] = []
    rows: dict[str, RunRow] = {}
    for one in report.runs:
        row = one.row
        for digest in [digest for digest in one.lost if _found_again(store, row, digest)]:
            del one.lost[digest]
            done.append(Mended(row.id, f"the file of the blob {digest[:12]} was found again"))
        if one.cut:
            row, told = _cut(store, one, rows, aside)
            done.append(told)
        elif one.keyframes:
            store.upkeep.mend(row, one.keyframes)
        if one.keyframes and not one.cut:
            count = len(one.keyframes)
            done.append(Mended(row.id, f"computed {count} keyframe{'s' * (count > 1)} again"))
        if one.lost:
            where = min(one.lost.values())
            text = f"{len(one.lost)} of its blobs are lost; event {where} is the first to name one"
            if text not in (said := row.labels.get(REPAIRED, "")):
                _label(store, row, f"{said}; {text}" if said else text)
                done.append(Mended(row.id, text))
        rows[row.id] = row
    for digest in sorted(report.blobs.lost):
        taken = _set_aside(store, digest, aside)
        if taken is not None:
            done.append(taken)
    return done


def _cut(
    store: Store, one: Examined, rows: dict[str, RunRow], aside: Path
) -> tuple[RunRow, Mended]:
    old = one.row
    ancestry = _ancestry(one, rows)
    file, count = _keep(store, old, one.sound, aside)
    state = one.state if isinstance(one.state, dict) else {}
    status = state.get("status", old.status if one.sound == old.head else "running")
    text = f"cut after event {one.sound}" if one.sound != old.head else "its row was corrected"
    if count and one.sound == old.head:
        text = f"{count} events after its end were taken out"
    row = structs.replace(
        old,
        ancestry=ancestry,
        head=one.sound,
        link=one.link if one.sound else b"",
        status=status,
        accounts=state.get("accounts", old.accounts),
        ended_us=old.ended_us if status in ENDED else None,
        labels=old.labels | {REPAIRED: text},
        lease_owner=DOCTOR,
        lease_until_us=0,
    )
    store.upkeep.mend(row, one.keyframes)
    whole = f"{text}: {one.problems[0]}" if one.problems else text
    return row, Mended(old.id, whole, file)


def _ancestry(one: Examined, rows: dict[str, RunRow]) -> tuple[Ancestor, ...]:
    """Of a run that may be cut inside of what it continues."""
    old = one.row
    if one.sound >= _start(old):
        return old.ancestry
    parent = rows.get(old.ancestry[-1].run)
    return fork_ancestry(parent, one.sound) if parent is not None and one.sound else ()


def _start(row: RunRow) -> int:
    return row.ancestry[-1].until if row.ancestry else 0


def _keep(store: Store, row: RunRow, after: int, aside: Path) -> tuple[str, int]:
    """Write a run's own events after one into a file; its path and how many."""
    path, count = aside / f"{row.id}-events.jsonl", 0
    try:
        for events in _pages(store, row.id, after):
            aside.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("ab") as file:
                for event in events:
                    file.write(codecs.encode(event) + b"\n")
            count += len(events)
    except OSError as error:
        message = f"what is taken out cannot be kept: {error.strerror}"
        raise StorageError(message, hint="Free some space; the run was not changed.") from error
    return (str(path) if count else "", count)


def _pages(store: Store, run: str, after: int) -> Iterator[list[EventRow]]:
    while events := store.events(run, after, EVER, PAGE):
        yield events
        after = events[-1].seq


def _found_again(store: Store, row: RunRow, digest: str) -> bool:
    """Whether a blob without a row is in a file after all; it has a row then."""
    stored = store.upkeep.stored(digest)
    if not stored:
        return False
    for encoding in (RAW, ZLIB):
        try:
            content = expand(digest, encoding, stored)
        except Damaged:
            continue
        store.add_blobs(row.id, {digest: content}, {})
        return True
    return False


def _label(store: Store, row: RunRow, text: str) -> None:
    store.label(row.id, {**row.labels, REPAIRED: text[:200]})


def _set_aside(store: Store, digest: str, aside: Path) -> Mended | None:
    """Take the damaged bytes of a blob out of the store; null where there are none."""
    stored = store.upkeep.stored(digest)
    if not stored:
        return None
    path = aside / f"blob-{digest}"
    try:
        aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(stored)
    except OSError as error:
        message = f"what is taken out cannot be kept: {error.strerror}"
        raise StorageError(message, hint="Free some space; the blob was not changed.") from error
    store.upkeep.lose(digest)
    return Mended("", f"the damaged blob {digest[:12]} was taken out", str(path))


def as_data(done: Sequence[Mended]) -> list[dict[str, Any]]:
    """What was done, as JSON has it."""
    return [structs.asdict(one) for one in done]
