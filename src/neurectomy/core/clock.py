"""Time as the log needs it: wall time in integer microseconds, monotonic time in nanoseconds."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A source of time; tests pass their own."""

    def wall(self) -> int:
        """Microseconds since the Unix epoch."""
        ...

    def monotonic(self) -> int:
        """Nanoseconds from an arbitrary start, never going back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def wall(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> int:
        return time.monotonic_ns()
