"""The one tree of errors: what went wrong, why, and the next step."""

from __future__ import annotations

from typing import Any, ClassVar


class NeurectomyError(Exception):
    """Anything that a user can be told in one sentence and a hint.

    Attributes:
        message: What happened and why, one sentence without a full stop at the end.
        hint: The next step, as an imperative sentence; empty where there is none.
        details: JSON-able facts for machines.
        code: A stable name for programs, such as ``not_found``.
        status: The HTTP status that the edge answers with.
        exit_code: The exit code of the command line.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """The error as data: ``code``, ``message``, ``hint`` and ``details``."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "details": self.details,
        }


class InvalidInput(NeurectomyError):
    """A value, argument or file that does not say what it must."""

    code = "invalid_input"
    status = 422
    exit_code = 2


class ProgramInvalid(InvalidInput):
    """A program with errors; ``details["diagnostics"]`` lists them."""

    code = "program_invalid"
    exit_code = 3


class NotFound(NeurectomyError):
    """Something named that is not there."""

    code = "not_found"
    status = 404
    exit_code = 4


class Conflict(NeurectomyError):
    """Something that cannot be done in the present state, such as cancelling a finished run."""

    code = "conflict"
    status = 409
    exit_code = 5


class StaleLease(Conflict):
    """The writer of a run lost its lease: another process has taken the run over."""

    code = "stale_lease"


class WorkspaceLocked(Conflict):
    """Another process owns the workspace."""

    code = "workspace_locked"


class Unavailable(NeurectomyError):
    """Something that this machine does not have: a sandbox, an extra, a provider."""

    code = "unavailable"
    status = 503
    exit_code = 6


class Forbidden(NeurectomyError):
    """A request that the gate does not let through."""

    code = "forbidden"
    status = 403
    exit_code = 7


class RunFailed(NeurectomyError):
    """A run that ended without its value; ``details["run"]`` names it."""

    code = "run_failed"
    exit_code = 8


class Diverged(NeurectomyError):
    """A replay that met its first difference; both sides are in ``details``."""

    code = "diverged"
    status = 409
    exit_code = 9


class StorageError(NeurectomyError):
    """The database or the disk refused; nothing that was acknowledged is lost."""

    code = "storage"
    status = 507
    exit_code = 10


class Damaged(StorageError):
    """A log, keyframe or blob that does not match its hash."""

    code = "damaged"
