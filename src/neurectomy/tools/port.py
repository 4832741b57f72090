"""The port of tools: how a call ended."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class ToolOutcome(Struct, frozen=True):
    """How a tool call ended.

    Attributes:
        value: What it returned, of the declared type; counts only without an error.
        error: ``code``, ``message`` and ``retryable``; null where it returned.
        stdout: Standard output, cut at a limit; likewise ``stderr``.
        cpu_us: Processor time, microseconds.
        files: What it changed of the program's folder, as ``tool.returned`` has it; null for
            nothing.
    """

    value: Any = None
    error: dict[str, Any] | None = None
    stdout: str = ""
    stderr: str = ""
    cpu_us: int = 0
    files: dict[str, Any] | None = None
