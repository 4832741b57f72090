"""Hints that name what was probably meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def closest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """What was probably meant; else ``otherwise``, else a list of what there is."""
    names = list(known)
    close = get_close_matches(name, names, 1, 0.6)
    if close:
        return f"Did you mean {close[0]}?"
    listed = ", ".join(names[:8])
    return otherwise or (f"There are: {listed}." if listed else "There are none yet.")
