"""The port of effects: how the driver reaches models and tools, whatever carries them out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from neurectomy.agents.program import ToolDeclaration
    from neurectomy.models.port import ModelRequest, ModelResponse, OnDelta
    from neurectomy.tools.port import ToolOutcome


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
        """Call a tool once, for at most ``timeout_ms`` milliseconds.

        Raises:
            Withheld: It needs a secret that this process does not have; it was not called.
        """
        ...
