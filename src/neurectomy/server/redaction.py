"""Redaction of a run that was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from neurectomy.runs.erasing import Redaction, Wanted
from neurectomy.server.operation import Operation

if TYPE_CHECKING:
    from neurectomy.server.context import Services


class RedactInput(Struct, frozen=True, forbid_unknown_fields=True):
    """What to erase from a run, and from every run that shares it.

    Attributes:
        at: Events, by ``seq``.
        text: Whatever holds this text.
        matching: Whatever holds a match of this pattern, in RE2's syntax.
        step: What the step at this path gave.
        reason: That the run shows from now on.
        dry_run: Whether to say only what would be erased.
    """

    at: Annotated[list[int], Meta(max_length=10_000)] = []
    text: Annotated[str, Meta(max_length=1_000_000)] = ""
    matching: str = ""
    step: str = ""
    reason: Annotated[str, Meta(max_length=1000)] = ""
    dry_run: bool = False


async def redact_run(services: Services, run: str, body: RedactInput) -> Redaction:
    """Erase what a run holds, wherever it is repeated; a scar stays."""
    wanted = Wanted(tuple(body.at), body.text, body.matching, body.step)
    return await services.runs.redact(run, wanted, reason=body.reason, dry_run=body.dry_run)


OPERATIONS = (
    Operation(
        "redact_run",
        "POST",
        "/api/runs/{run}/redact",
        "Erase what a run holds",
        redact_run,
        Redaction,
        RedactInput,
    ),
)
"""The rows of the table that are about redaction."""
