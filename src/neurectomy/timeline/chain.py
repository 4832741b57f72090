"""The chain over salted payload hashes: tamper-evident, and able to forget."""

from __future__ import annotations

import hashlib
import secrets
from typing import TYPE_CHECKING

from neurectomy.core.errors import Damaged

if TYPE_CHECKING:
    from neurectomy.storage.port import EventRow

GENESIS = bytes(32)
"""The link before the first event."""


def new_salt() -> bytes:
    """16 random bytes."""
    return secrets.token_bytes(16)


def payload_hash(salt: bytes, payload: bytes) -> bytes:
    """SHA-256 of salt and payload."""
    return hashlib.sha256(salt + payload).digest()


def link(previous: bytes, header: bytes, hashed: bytes) -> bytes:
    """SHA-256 of the previous link, the header and the payload's hash."""
    return hashlib.sha256(previous + header + hashed).digest()


def verify(rows: list[EventRow], previous: bytes = GENESIS) -> bytes:
    """Check rows that follow ``previous`` and return the last link.

    Raises:
        Damaged: A payload or link does not match; the ``seq`` is named.
    """
    for row in rows:
        if (
            row.payload is not None
            and payload_hash(row.salt or b"", row.payload) != row.payload_hash
        ):
            raise Damaged(
                f"event {row.seq} does not match its hash",
                hint="The events before it are sound. Look at the damage with: neurectomy doctor",
                seq=row.seq,
            )
        previous = link(previous, row.header, row.payload_hash)
        if previous != row.link:
            raise Damaged(
                f"the chain is broken at event {row.seq}",
                hint="The events before it are sound. Look at the damage with: neurectomy doctor",
                seq=row.seq,
            )
    return previous
