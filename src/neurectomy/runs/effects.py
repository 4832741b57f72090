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
        self,
        tool: ToolDeclaration,
        arguments: dict[str, Any],
        timeout_ms: int,
        files: dict[str, Any] | None,
    ) -> ToolOutcome:
        """Call a tool once, for at most ``timeout_ms`` milliseconds.

        Args:
            tool: Which one.
            arguments: By name.
            timeout_ms: The limit.
            files: Of the run's state, with their values resolved; null where it has none.

        Raises:
            Withheld: It needs a secret that this process does not have; it was not called.
        """
        ...

    async def merge_files(self, files: dict[str, Any], root: str) -> dict[str, Any]:
        """What a call changed, merged with what other calls have changed meanwhile.

        Args:
            files: What it changed, as its outcome has it.
            root: Digest of the tree that the run has by now.

        Returns:
            The same, with ``root`` as its base; overlaps are added to ``conflicts``.
        """
        ...
