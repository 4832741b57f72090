"""One event of a run: its shape, and its two encoded parts."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from neurectomy.storage.port import EventRow
from neurectomy.timeline import chain

Patch = list[list[Any]]
"""Operations that change the state; see `neurectomy.timeline.fold`."""


class Draft(Struct, frozen=True):
    """An event before the writer gives it a place: what, where, why, and what it changes."""

    kind: str
    step: str
    data: dict[str, Any]
    patch: Patch
    causes: tuple[int, ...] = ()
    version: int = 1


class Event(Struct, frozen=True):
    """An event with its place in the log.

    Attributes:
        at: Wall time, microseconds since the epoch.
        mono: Microseconds since the run's start on a monotonic clock.
        data: Null once redacted; likewise ``patch``.
    """

    seq: int
    kind: str
    version: int
    step: str
    causes: tuple[int, ...]
    at: int
    mono: int
    data: dict[str, Any] | None
    patch: Patch | None


_encode = msgspec.json.Encoder().encode
decode_header = msgspec.json.Decoder(tuple[int, str, int, str, tuple[int, ...], int, int]).decode
"""What `encode_header` wrote: seq, kind, version, step, causes, at, mono."""
_decode_payload = msgspec.json.Decoder(tuple[dict[str, Any], Patch]).decode


def encode_header(event: Event) -> bytes:
    """JSON of everything but data and patch; it survives redaction."""
    return _encode(
        (event.seq, event.kind, event.version, event.step, event.causes, event.at, event.mono)
    )


def encode_payload(event: Event) -> bytes:
    """JSON of data and patch."""
    return _encode((event.data, event.patch))


def decode_payload(payload: bytes) -> tuple[dict[str, Any], Patch]:
    """Data and patch."""
    return _decode_payload(payload)


def to_row(event: Event, previous: bytes) -> EventRow:
    """The event as stored, linked to the event before it."""
    header, payload, salt = encode_header(event), encode_payload(event), chain.new_salt()
    payload_hash = chain.payload_hash(salt, payload)
    return EventRow(
        event.seq,
        event.kind,
        event.step,
        header,
        payload,
        salt,
        payload_hash,
        chain.link(previous, header, payload_hash),
    )


def from_row(row: EventRow) -> Event:
    """The event that `to_row` stored; data and patch are null where redacted."""
    seq, kind, version, step, causes, at, mono = decode_header(row.header)
    if row.payload is None:
        return Event(seq, kind, version, step, causes, at, mono, None, None)
    data, patch = _decode_payload(row.payload)
    return Event(seq, kind, version, step, causes, at, mono, data, patch)
