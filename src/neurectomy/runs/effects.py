"""The port of effects: how the driver reaches models and tools, whatever carries them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from neurectomy.agents.program import ToolDeclaration
    from neurectomy.models.port import ModelRequest, ModelResponse, OnDelta


class ToolOutcome(Struct, frozen=True):
    """How a tool call ended.

    Attributes:
        value: What it returned, of the declared type; counts only without an error.
        error: ``code``, ``message`` and ``retryable``; null where it returned.
        stdout: Standard output, cut at a limit; likewise ``stderr``.
        cpu_us: Processor time, microseconds.
    """

    value: Any = None
    error: dict[str, Any] | None = None
    stdout: str = ""
    stderr: str = ""
    cpu_us: int = 0


class Effects(Protocol):
    """Carries commands out. Cancelling the task cancels the effect."""

    async def ask_model(
        self, model: str, request: ModelRequest, on_delta: OnDelta
    ) -> ModelResponse:
        """Ask the model declared as ``model`` once.

        Raises:
            ModelError: The provider refused, failed or answered nonsense.
        """
        ...

    async def call_tool(
        self, tool: ToolDeclaration, arguments: dict[str, Any], timeout_ms: int
    ) -> ToolOutcome:
        """Call a tool once, for at most ``timeout_ms`` milliseconds."""
        ...
