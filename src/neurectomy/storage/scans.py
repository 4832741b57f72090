"""Narrow reads of a run's own events: what the timeline of a long run needs, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from neurectomy.storage.schema import MARKED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_TOLD = (
    "CASE WHEN kind IN ('step.failed', 'run.failed', 'tool.returned', 'note.added', "
    "'note.removed') THEN payload END"
)
"""A payload where more than an event's kind is of interest."""


class EventPart(Struct, frozen=True):
    """An event out of the chain; ``payload`` is null once redacted, or where nobody asked."""

    seq: int
    kind: str
    step: str
    header: bytes
    payload: bytes | None


class Select(Protocol):
    """Runs a statement whose first value is the run's key; lists stand for ``= ANY(?)``."""

    def __call__(self, run: str, sql: str, values: Sequence[Any], /) -> list[tuple[Any, ...]]: ...


class Scans:
    """Reads parts of events. Blocking; each method names the run that the events belong to.

    Args:
        select: Runs a statement in the store.
        dialect: Brings a part of a statement into the store's dialect.
    """

    def __init__(self, select: Select, dialect: Callable[[str], str]) -> None:
        self._select = select
        self._marked = dialect(f"FROM events INDEXED BY events_marked WHERE {MARKED} AND run = ?")

    def headers(self, run: str, seqs: list[int]) -> dict[int, bytes]:
        """The headers of single events, by ``seq``."""
        sql = "SELECT seq, header FROM events WHERE run = ? AND seq = ANY(?)"
        return {seq: bytes(header) for seq, header in self._select(run, sql, (seqs,))}

    def roots(self, run: str, seqs: list[int]) -> dict[int, bytes]:
        """The keyframes at these places, where there are any."""
        sql = "SELECT seq, root FROM keyframes WHERE run = ? AND seq = ANY(?)"
        return {seq: bytes(root) for seq, root in self._select(run, sql, (seqs,))}

    def marked(
        self,
        run: str,
        after: int,
        until: int,
        *,
        kinds: tuple[str, ...] = (),
        limit: int = 1_000_000,
        newest: bool = False,
    ) -> list[EventPart]:
        """Events that stand out with ``after < seq <= until``.

        ``kinds`` are the only ones, all where empty; usual kinds are never found. ``newest``
        begins with the last one. Payloads come where the kind alone does not say what it is.
        """
        some = "AND kind = ANY(?)" if kinds else ""
        sql = (
            f"SELECT seq, kind, step, header, {_TOLD} {self._marked} "
            f"AND seq > ? AND seq <= ? {some} ORDER BY seq {'DESC' if newest else ''} LIMIT ?"
        )
        values = (after, until, *([list(kinds)] if kinds else []), limit)
        return _rows(self._select(run, sql, values))

    def kinds(
        self, run: str, after: int, until: int, kinds: list[str], without: str
    ) -> list[tuple[int, str, str]]:
        """``seq``, kind and step of events with ``after < seq <= until``, in order.

        Only events of these kinds, and none whose step holds ``without``.
        """
        sql = (
            "SELECT seq, kind, step FROM events WHERE run = ? AND seq > ? AND seq <= ? "
            "AND kind = ANY(?) AND step NOT LIKE ? ORDER BY seq"
        )
        values = (after, until, kinds, f"%{without}%")
        return [(seq, kind, step) for seq, kind, step in self._select(run, sql, values)]

    def parts(
        self, run: str, after: int, until: int, kinds: list[str], telling: list[str]
    ) -> list[EventPart]:
        """Events of some kinds with ``after < seq <= until``; payloads of ``telling`` ones only."""
        sql = (
            "WITH part AS (SELECT seq, kind, step, header, payload FROM events "
            "WHERE run = ? AND seq > ? AND seq <= ? AND kind = ANY(?)) "
            "SELECT seq, kind, step, header, CASE WHEN kind = ANY(?) THEN payload END "
            "FROM part ORDER BY seq"
        )
        return _rows(self._select(run, sql, (after, until, kinds, telling)))

    def of_step(
        self, run: str, step: str, kinds: list[str], after: int, until: int, *, newest: bool
    ) -> int | None:
        """The first or last event of a step with ``after < seq <= until``; reads all of them."""
        sql = (
            f"SELECT {'max' if newest else 'min'}(seq) FROM events "
            "WHERE run = ? AND step = ? AND kind = ANY(?) AND seq > ? AND seq <= ?"
        )
        found: int | None = self._select(run, sql, (step, kinds, after, until))[0][0]
        return found


def _rows(found: list[tuple[Any, ...]]) -> list[EventPart]:
    return [
        EventPart(seq, kind, step, bytes(header), None if payload is None else bytes(payload))
        for seq, kind, step, header, payload in found
    ]
