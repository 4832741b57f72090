"""JSON: compact for storage, canonical (sorted keys) where bytes are hashed or compared."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]

_encoder = msgspec.json.Encoder()
_canonical = msgspec.json.Encoder(order="sorted")
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

encode = _encoder.encode
canonical = _canonical.encode
decode = _decoder.decode


def digest(data: bytes) -> str:
    """SHA-256 of ``data`` as 64 hexadecimal characters."""
    return hashlib.sha256(data).hexdigest()


def canonical_digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``."""
    return digest(canonical(value))
