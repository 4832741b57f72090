"""Where events of a run are in its time, found without reading what is between them."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from neurectomy.core.errors import Damaged
from neurectomy.storage.ancestry import segments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neurectomy.storage.port import RunRow, Store

MOST_KNOWN = 400_000
"""Times of events that are kept in memory; an event's time never changes."""


class Axis:
    """Reads times of single events, and remembers them. Blocking and thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, int], int] = {}

    def times(self, row: RunRow, seqs: Sequence[int]) -> list[int]:
        """The time of each of some events on the run's clock, microseconds.

        Raises:
            Damaged: One of them is missing.
        """
        found: dict[int, int] = {}
        for part, first, until in segments(row):
            own = [seq for seq in seqs if first < seq <= until]
            missing = []
            for seq in own:
                known = self._known.get((part, seq))
                if known is None:
                    missing.append(seq)
                else:
                    found[seq] = known
            if missing:
                read = self._store.scans.headers(part, missing)
                if len(self._known) > MOST_KNOWN:
                    self._known.clear()
                for seq, header in read.items():
                    found[seq] = self._known[part, seq] = _checked(seq, header)
        for seq in seqs:
            if seq not in found:
                raise _damaged(seq, f"is missing, and the run goes on to {row.head}")
        return [found[seq] for seq in seqs]

    def counts(self, row: RunRow, times: Sequence[int]) -> list[int]:
        """How many events of the run come before each of some ascending times.

        A grid of events is read first, then halves of what is left between, for all times at once.
        """
        lows, highs = [0] * len(times), [row.head + 1] * len(times)
        grid = min(row.head, max(1, len(times)))
        probes = [1 + place * (row.head - 1) // max(1, grid - 1) for place in range(grid)]
        probes = sorted(set(probes))
        while probes:
            read = self.times(row, probes)
            for index, time in enumerate(times):
                place = bisect_left(read, time)
                if place > 0:
                    lows[index] = max(lows[index], probes[place - 1])
                if place < len(probes):
                    highs[index] = min(highs[index], probes[place])
            open_ones = zip(lows, highs, strict=True)
            probes = sorted({(low + high) // 2 for low, high in open_ones if high - low > 1})
        return lows


def _checked(seq: int, header: bytes) -> int:
    try:
        return time_of(header)
    except ValueError:
        raise _damaged(seq, "has a header that cannot be read") from None


def _damaged(seq: int, what: str) -> Damaged:
    hint = "Restore the workspace from a backup; the events before it are sound."
    return Damaged(f"event {seq} {what}", hint=hint, seq=seq)


def time_of(header: bytes) -> int:
    """The time on the run's clock in an event's header; it is the last item."""
    return int(header[header.rindex(b",") + 1 : -1])


def wall_of(header: bytes) -> int:
    """The wall time in an event's header; it is the last item but one."""
    end = header.rindex(b",")
    return int(header[header.rindex(b",", 0, end) + 1 : end])
