"""Identifiers: UUIDv7, so that they sort by time (RFC 9562, section 5.7)."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurectomy.core.clock import Clock


def new_id(clock: Clock) -> str:
    """A UUIDv7 in its canonical form of 36 characters.

    The twelve bits after the version are the microseconds within the millisecond, so that ids of
    one machine sort by time also within it (RFC 9562, section 6.2, method 3).
    """
    milliseconds, microseconds = divmod(clock.wall(), 1000)
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= (microseconds * 4096 // 1000) << 64
    value |= 0b10 << 62
    value |= secrets.randbits(62)
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Whether ``text`` is an identifier in canonical form."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
