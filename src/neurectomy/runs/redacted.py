"""Redaction at the door: what models and tools give, before anything stores it or passes it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from neurectomy.agents.types import Mismatch, coerce
from neurectomy.core import codecs
from neurectomy.models.port import AssistantMessage, Delta, ModelError
from neurectomy.redaction.streaming import TextStream
from neurectomy.runs.secrets import NoSecret
from neurectomy.tools.port import ToolOutcome

if TYPE_CHECKING:
    from neurectomy.agents.program import ToolDeclaration
    from neurectomy.agents.types import Records
    from neurectomy.models.port import ModelRequest, ModelResponse, OnDelta
    from neurectomy.redaction.redactor import Redactor
    from neurectomy.runs.effects import Effects
    from neurectomy.runs.secrets import Broker


class RedactedEffects:
    """Implements `neurectomy.runs.effects.Effects` by others, and redacts what they give.

    Args:
        run: The run whose secrets tools are given.
        records: The record types that tools take and return.
    """

    def __init__(
        self, effects: Effects, redactor: Redactor, broker: Broker, run: str, records: Records
    ) -> None:
        self._effects = effects
        self._redactor = redactor
        self._broker = broker
        self._run = run
        self._records = records

    async def ask_model(
        self, model: str, request: ModelRequest, on_delta: OnDelta
    ) -> ModelResponse:
        stream = DeltaStream(self._redactor, on_delta)
        try:
            response = await self._effects.ask_model(model, request, stream.take)
        except ModelError as error:
            error.message = self._redactor.text(error.message)
            raise
        said = msgspec.to_builtins(response.message)
        message = msgspec.convert(self._redactor.value(said), AssistantMessage)
        stream.end(message)
        return structs.replace(response, message=message)

    async def call_tool(
        self,
        tool: ToolDeclaration,
        arguments: dict[str, Any],
        timeout_ms: int,
        files: dict[str, Any] | None,
    ) -> ToolOutcome:
        try:
            opened = self._opened(tool, arguments)
        except NoSecret as wrong:
            message = f"{tool.name} takes a secret as {wrong}, and was given something else"
            return ToolOutcome(error={"code": "secret", "message": message, "retryable": False})
        outcome = await self._effects.call_tool(tool, opened, timeout_ms, files)
        run, redact = self._run, self._redactor
        sealed = self._broker.seal(run, outcome.value, tool.returns, self._records, tool.name)
        outcome = structs.replace(
            outcome,
            value=self._broker.hidden(run, sealed),
            error=self._broker.hidden(run, outcome.error),
            stdout=self._broker.hidden(run, outcome.stdout),
            stderr=self._broker.hidden(run, outcome.stderr),
        )
        value, error = redact.value(outcome.value), redact.value(outcome.error)
        if value is not outcome.value:
            try:
                value = coerce(value, tool.returns, self._records)
            except Mismatch as mismatch:
                message = f"{tool.name} returned a secret where none can be left out: {mismatch}"
                error = {"code": "redacted", "message": message, "retryable": False}
                value = None
        return structs.replace(
            outcome,
            value=value,
            error=error,
            stdout=redact.text(outcome.stdout),
            stderr=redact.text(outcome.stderr),
        )

    async def merge_files(self, files: dict[str, Any], root: str) -> dict[str, Any]:
        return await self._effects.merge_files(files, root)

    def _opened(self, tool: ToolDeclaration, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as the tool needs them: only here do secrets stand in them."""
        types = {parameter.name: parameter.type for parameter in tool.parameters}
        return {
            name: self._broker.open(self._run, value, types[name], self._records, name)
            for name, value in arguments.items()
        }


class DeltaStream:
    """Passes the pieces of a response on, redacted and a few words behind.

    A call's arguments are passed on at the end, since a name that makes its value a secret may be
    anywhere in them; that a tool is being called is told at once.
    """

    def __init__(self, redactor: Redactor, on_delta: OnDelta) -> None:
        self._redactor = redactor
        self._on_delta = on_delta
        self._text = TextStream(redactor)
        self._thinking = TextStream(redactor)
        self._tool = ""

    def take(self, delta: Delta) -> None:
        """A piece as it comes."""
        self._pass_on(self._text.take(delta.text), self._thinking.take(delta.thinking))
        if delta.tool not in ("", self._tool):
            self._tool = self._redactor.text(delta.tool)
            self._on_delta(Delta(tool=self._tool))

    def end(self, message: AssistantMessage) -> None:
        """No more pieces come: pass on what was held back of a message, which is redacted."""
        self._pass_on(self._text.end(), self._thinking.end())
        for call in message.calls:
            given = call.arguments
            text = given if isinstance(given, str) else codecs.encode(given).decode()
            self._on_delta(Delta(tool=call.tool, arguments=text))

    def _pass_on(self, text: str, thinking: str) -> None:
        if text or thinking:
            self._on_delta(Delta(text=text, thinking=thinking))
