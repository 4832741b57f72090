"""What a model can be told: names of settings, and the numbers that each may be."""

from __future__ import annotations

import math
from typing import Any

SETTINGS = ("temperature", "max_tokens", "seed", "top_p")
"""What a model can be told."""

_WHOLE = {"max_tokens": (1, 100_000_000), "seed": (0, 2**63 - 1)}
_RANGES = {"temperature": 2, "top_p": 1}


def wrong_setting(name: str, value: Any) -> str:
    """What one of `SETTINGS` is, where a value is none; empty where it is."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name in _WHOLE:
        least, most = _WHOLE[name]
        fits = number and least <= value <= most and value == int(value)
        return "" if fits else f"{name} is a whole number from {least} to {most}"
    most = _RANGES[name]
    fits = number and math.isfinite(value) and 0 <= value <= most
    return "" if fits else f"{name} is a number from 0 to {most}"
