"""Figures with their 95 % intervals, from few samples."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

Z = 1.959964
"""Quantile 0.975 of the normal distribution."""

_T = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
    2.2010, 2.1788, 2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860,
    2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
)  # fmt: skip
"""Quantiles 0.975 of Student's t distribution with 1 to 30 degrees of freedom."""


class Figure(Struct, frozen=True):
    """A mean or a share, the interval that holds the true one in 95 of 100 cases, and of how many.

    The interval is the figure itself where a single sample says nothing of how they vary.
    """

    value: float
    low: float
    high: float
    count: int


def mean_of(samples: Sequence[float]) -> Figure | None:
    """The mean with Student's interval; null of no samples."""
    count = len(samples)
    if count == 0:
        return None
    mean = statistics.fmean(samples)
    if count == 1:
        return Figure(mean, mean, mean, 1)
    quantile = _T[count - 2] if count - 2 < len(_T) else Z
    margin = quantile * statistics.stdev(samples) / math.sqrt(count)
    return Figure(mean, mean - margin, mean + margin, count)


def share_of(hits: int, count: int) -> Figure | None:
    """A share with Wilson's score interval; null of nothing.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    JASA 22 (1927).
    """
    if count == 0:
        return None
    share = hits / count
    spread = Z * Z / count
    middle = (share + spread / 2) / (1 + spread)
    margin = Z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    low, high = max(0.0, middle - margin), min(1.0, middle + margin)
    return Figure(share, min(low, share), max(high, share), count)
