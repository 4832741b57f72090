"""SQL that both databases understand, and rows to and from their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict, Damaged, NotFound, StaleLease
from neurectomy.storage.ancestry import fork_ancestry
from neurectomy.storage.port import Ancestor, EventRow, RunQuery, RunRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neurectomy.storage.port import Batch

RUN_COLUMNS = (
    "id, flow, program, meaning, source, title, status, ancestry, parent, head, link, created_us, "
    "ended_us, accounts, labels, lease_epoch, lease_owner, lease_until_us, hidden"
)
EVENT_COLUMNS = "seq, kind, step, header, payload, salt, payload_hash, link"
INSERT_EVENT = f"INSERT INTO events (run, {EVENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
"""Takes the values of `event_values`."""

_decode_ancestry = msgspec.json.Decoder(tuple[Ancestor, ...]).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_labels = msgspec.json.Decoder(dict[str, str]).decode


def run_values(run: RunRow) -> tuple[Any, ...]:
    """The columns of `RUN_COLUMNS`, in order."""
    return (
        run.id,
        run.flow,
        run.program,
        run.meaning,
        run.source,
        run.title,
        run.status,
        codecs.encode(run.ancestry).decode(),
        run.ancestry[-1].run if run.ancestry else None,
        run.head,
        run.link,
        run.created_us,
        run.ended_us,
        codecs.encode(run.accounts).decode(),
        codecs.encode(run.labels).decode(),
        run.lease_epoch,
        run.lease_owner,
        run.lease_until_us,
        int(run.hidden),
    )


def run_row(columns: tuple[Any, ...]) -> RunRow:
    """The row of the columns of `RUN_COLUMNS`; JSON that is torn counts as empty.

    One torn row must not keep the others from being listed; `neurectomy doctor` finds it.
    """
    return RunRow(
        id=columns[0],
        flow=columns[1],
        program=columns[2],
        meaning=columns[3],
        source=columns[4],
        title=columns[5],
        status=columns[6],
        ancestry=_whole(_decode_ancestry, columns[7], ()),
        head=columns[9],
        link=bytes(columns[10]),
        created_us=columns[11],
        ended_us=columns[12],
        accounts=_whole(_decode_object, columns[13], {}),
        labels=_whole(_decode_labels, columns[14], {}),
        lease_epoch=columns[15],
        lease_owner=columns[16],
        lease_until_us=columns[17],
        hidden=bool(columns[18]),
    )


def _whole(decode: Callable[[str], Any], text: str, otherwise: Any) -> Any:
    try:
        return decode(text)
    except (ValueError, RecursionError):
        return otherwise


def forked(parent: RunRow, at: int, run: RunRow, found: tuple[Any, ...] | None) -> RunRow:
    """The row of a fork, with its ancestry; ``found`` is the link of the event ``at``, if any.

    Raises:
        InvalidInput: The parent has no such event.
        Damaged: It has, and the event is missing.
    """
    ancestry = fork_ancestry(parent, at)
    if found is None:
        message = f"event {at} of the run {parent.id} is missing"
        raise Damaged(message, hint="Restore the workspace from a backup.", seq=at)
    return structs.replace(run, ancestry=ancestry, head=at, link=bytes(found[0]))


def event_values(key: int, event: EventRow) -> tuple[Any, ...]:
    """The run's key and the columns of `EVENT_COLUMNS`, in order."""
    return (
        key,
        event.seq,
        event.kind,
        event.step,
        event.header,
        event.payload,
        event.salt,
        event.payload_hash,
        event.link,
    )


def event_row(columns: tuple[Any, ...]) -> EventRow:
    """The event of the columns of `EVENT_COLUMNS`."""
    seq, kind, step, header, payload, salt, payload_hash, link = columns
    return EventRow(
        seq,
        kind,
        step,
        bytes(header),
        None if payload is None else bytes(payload),
        None if salt is None else bytes(salt),
        bytes(payload_hash),
        bytes(link),
    )


def query_sql(query: RunQuery, mark: str) -> tuple[str, list[Any]]:
    """The statement that lists runs, and its values; ``mark`` is the placeholder."""
    conditions, values = ["hidden = 0"], list[Any]()
    if query.before is not None:
        conditions.append(f"id < {mark}")
        values.append(query.before)
    if query.status:
        conditions.append(f"status IN ({', '.join([mark] * len(query.status))})")
        values += query.status
    if query.parent is not None:
        conditions.append(f"parent = {mark}")
        values.append(query.parent)
    if query.search:
        text = query.search.lower()
        for sign in "\\%_":
            text = text.replace(sign, f"\\{sign}")
        fields = ("title", "flow", "source", "id")
        likes = " OR ".join(f"lower({field}) LIKE {mark} ESCAPE '\\'" for field in fields)
        conditions.append(f"({likes})")
        values += [f"%{text}%"] * len(fields)
    where = " AND ".join(conditions)
    limit = max(1, min(query.limit, 1000))
    return f"SELECT {RUN_COLUMNS} FROM runs WHERE {where} ORDER BY id DESC LIMIT {limit}", values


def write_each(batches: Sequence[Batch], write: Callable[[Batch], None]) -> list[Exception | None]:
    """Write batches of one transaction; those whose run or lease is gone do not hurt the others."""
    results: list[Exception | None] = []
    for batch in batches:
        try:
            write(batch)
            results.append(None)
        except (NotFound, StaleLease) as error:
            results.append(error)
    return results


def no_run(run: str) -> NotFound:
    """The error of an id that names no run."""
    return NotFound(f"there is no run {run}", hint="List them with: neurectomy runs list")


def taken(run: str) -> Conflict:
    """The error of an id that is taken."""
    return Conflict(f"there is a run {run} already", hint="Start the run again.")


def leased(owner: str) -> Conflict:
    """The error of a run that somebody else writes."""
    return Conflict(
        f"the run is being written by {owner}",
        hint="Wait until it ends, cancel it, or stop that process.",
    )


def stale(run: str) -> StaleLease:
    """The error of a writer that lost its lease."""
    return StaleLease(
        f"another process has taken the run {run} over",
        hint="Look at the run there; nothing that was acknowledged is lost.",
    )


def incomplete(digest: str) -> Damaged:
    """The error of a blob that names others that are not there."""
    return Damaged(f"a part of the blob {digest[:12]} is missing", hint="Capture the folder again.")
