"""The port of a sandbox: probe it, open a session for some code, call into the session."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct

Tier = Literal["jail", "wasm", "container", "microvm", "vm"]
"""The tiers by growing isolation and cost."""


class Availability(Struct, frozen=True):
    """Whether a sandbox works on this machine; ``reason`` says why not and what to do."""

    ok: bool
    reason: str = ""
    detail: str = ""


class Limits(Struct, frozen=True):
    """What one call may use.

    Attributes:
        wall_ms: Wall time, milliseconds; the call is killed after it.
        cpu_s: Processor seconds.
        memory_mb: Address space or resident memory, mebibytes.
        output_bytes: Standard output and error that are kept; what is beyond is counted, not kept.
        result_bytes: Size of the returned value as JSON.
        processes: Processes and threads at the same time.
        file_mb: Size of one written file, mebibytes.
    """

    wall_ms: int = 30_000
    cpu_s: int = 30
    memory_mb: int = 1024
    output_bytes: int = 65_536
    result_bytes: int = 8_388_608
    processes: int = 32
    file_mb: int = 64


class SessionSpec(Struct, frozen=True):
    """What a session runs and sees.

    Attributes:
        code: The Python file that holds the functions, absolute.
        root: The folder that the code may read (mounted read-only), absolute; holds ``code``.
        network: Hosts that may be reached; none by default.
        beside: Places elsewhere that links in ``root`` lead to, absolute; they may be read too,
            unless there is a link on the way to them.
        writes: Whether calls may change ``root``; they work in it then. Nobody else may use it.
        whole: Whether nothing in ``root`` is hidden, and never will be, so that it may be listed.
    """

    code: Path
    root: Path
    network: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()
    writes: bool = False
    whole: bool = False


class Outcome(Struct, frozen=True):
    """How a call ended.

    Attributes:
        status: ``ok``; ``raised``: the function raised; ``limit``: a limit in ``limit`` was passed;
            ``crashed``: the process died or broke the protocol.
        value: What the function returned, when ``ok``.
        error: One sentence: exception type and message, or what happened.
        traceback: The traceback of the user's own frames, when ``raised``.
        limit: ``wall``, ``cpu``, ``memory``, ``result``, ``processes`` or ``file``.
        stdout: Standard output, cut at the limit.
        stderr: Standard error, cut at the limit.
        dropped_bytes: Output beyond the limit.
        wall_us: Wall time, microseconds.
        cpu_us: Processor time of the call, microseconds.
    """

    status: Literal["ok", "raised", "limit", "crashed"]
    value: Any = None
    error: str = ""
    traceback: str = ""
    limit: str = ""
    stdout: str = ""
    stderr: str = ""
    dropped_bytes: int = 0
    wall_us: int = 0
    cpu_us: int = 0


class Session(Protocol):
    """A warm place for calls; calls run at the same time, each in an own process or instance."""

    async def call(self, function: str, arguments: dict[str, Any], limits: Limits) -> Outcome:
        """Call ``function(**arguments)``. Cancelling the task kills the call and all it started."""
        ...

    def changed(self) -> bool:
        """Whether a new session would run or show other files; looks at the disk.

        New files that would be loaded in place of others are not noticed.
        """
        ...

    async def close(self) -> None:
        """End the session and every process of it."""
        ...


class Sandbox(Protocol):
    """A way to run untrusted code. The entry-point group is ``neurectomy.sandboxes``."""

    @property
    def name(self) -> str:
        """Such as ``bubblewrap``."""
        ...

    @property
    def tier(self) -> Tier:
        """Its tier."""
        ...

    async def probe(self) -> Availability:
        """Try it for real, once; the answer is remembered by the caller."""
        ...

    async def open(self, spec: SessionSpec) -> Session:
        """Start a session.

        Raises:
            Unavailable: It does not work here.
            InvalidInput: The code cannot be loaded; the message holds the reason.
        """
        ...
