"""The one table of operations. REST, GraphQL and the OpenAPI document are adapters over it."""

from __future__ import annotations

from neurectomy.server import (
    comparing,
    experimenting,
    files,
    moments,
    opened,
    recorded,
    redaction,
    runs,
    transfers,
)

OPERATIONS = (
    *opened.OPERATIONS,
    *runs.OPERATIONS,
    *recorded.OPERATIONS,
    *moments.OPERATIONS,
    *comparing.OPERATIONS,
    *experimenting.OPERATIONS,
    *files.OPERATIONS,
    *redaction.OPERATIONS,
    *transfers.OPERATIONS,
)
