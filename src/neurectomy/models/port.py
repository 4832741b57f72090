"""The port of a model: one request in, one response out, deltas on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

from msgspec import Struct


class Segment(Struct, frozen=True, omit_defaults=True):
    """A piece of a message.

    Attributes:
        text: The text as the model sees it.
        input: The parameter whose value this text is; empty for the author's own words.
    """

    text: str
    input: str = ""


class SystemMessage(Struct, frozen=True, tag="system", tag_field="role"):
    """The author's standing instructions."""

    content: tuple[Segment, ...]


class UserMessage(Struct, frozen=True, tag="user", tag_field="role"):
    """The prompt, or a remark of the agent loop such as a rejected answer."""

    content: tuple[Segment, ...]


class ToolCall(Struct, frozen=True):
    """A tool that the model wants called.

    Attributes:
        id: Derived from run and step, so that a recording does not depend on a provider's ids.
        arguments: The object that the model gave; text where it was not valid JSON.
    """

    id: str
    tool: str
    arguments: Any


class AssistantMessage(Struct, frozen=True, tag="assistant", tag_field="role", omit_defaults=True):
    """What the model said: text, calls, or both."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    thinking: str = ""


class ToolMessage(Struct, frozen=True, tag="tool", tag_field="role", omit_defaults=True):
    """What a tool returned, as JSON text, or why it did not."""

    call: str
    tool: str
    content: str
    error: bool = False


Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage


class ToolSchema(Struct, frozen=True):
    """A tool as the model is told of it; ``parameters`` is the JSON Schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]


class OutputSchema(Struct, frozen=True):
    """The value that the model must end with.

    Attributes:
        mode: ``text``: plain text; ``tool``: by a call of `OUTPUT_TOOL`; ``native``: the
            provider's own structured output; ``prompted``: JSON asked for in words.
        schema: JSON Schema of the value; empty in mode ``text``.
        name: The type's name, as the language writes it.
    """

    mode: Literal["text", "tool", "native", "prompted"]
    schema: dict[str, Any] = {}
    name: str = ""


OUTPUT_TOOL = "final_answer"
"""The call by which a model ends in output mode ``tool``; its arguments are ``{"value": ...}``."""


class ModelRequest(Struct, frozen=True):
    """The canonical request: ours, versioned, without ids and dates that vary.

    Upgrading a provider's library does not change it, so a recording stays valid.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    output: OutputSchema = OutputSchema("text")
    settings: dict[str, Any] = {}
    version: int = 1


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens of one request; ``cost_nanos`` in billionths of a US dollar, null where unknown."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost_nanos: int | None = None


class ModelResponse(Struct, frozen=True):
    """The end of a request.

    Attributes:
        message: What the model said. Ids of its calls are replaced by the caller.
        finish: ``stop``, ``tool_calls``, ``length``, ``filtered`` or ``other``.
        model: The name that the provider reported.
    """

    message: AssistantMessage
    usage: Usage = Usage()
    finish: str = "stop"
    model: str = ""


class Delta(Struct, frozen=True, omit_defaults=True):
    """A piece of a response as it streams: text, thinking, or arguments of a call."""

    text: str = ""
    thinking: str = ""
    tool: str = ""
    arguments: str = ""


OnDelta = Callable[[Delta], None]


class ModelProfile(Struct, frozen=True):
    """What the engine must know of a resolved model before it asks.

    Attributes:
        id: ``provider:name``, such as ``offline`` or ``openai:gpt-5-mini``.
        label: For people; the offline one says plainly that it is not a language model.
        language_model: Whether it is one.
        output_modes: Structured output modes that it can do, the preferred one first.
        max_output_tokens: What one response may cost at most, for reserving a budget.
        input_nanos: Price of one input token, billionths of a US dollar; null where unknown.
        output_nanos: Price of one output token, likewise.
        local: Whether nothing leaves the machine.
    """

    id: str
    label: str
    language_model: bool
    output_modes: tuple[Literal["tool", "native", "prompted"], ...] = ("tool", "prompted")
    max_output_tokens: int = 8192
    input_nanos: float | None = None
    output_nanos: float | None = None
    local: bool = False


class ModelError(Exception):
    """A request that failed.

    Attributes:
        code: ``rate_limited``, ``unreachable``, ``timeout``, ``refused``, ``unauthorized``,
            ``invalid_request``, ``server_error`` or ``nonsense`` (a response that is none).
        retryable: Whether the same request may succeed later.
        retry_after_ms: The provider's wish, milliseconds; null where it has none.
    """

    def __init__(
        self, code: str, message: str, *, retryable: bool, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms


class Model(Protocol):
    """Something that answers requests. Cancelling the task cancels the request."""

    @property
    def profile(self) -> ModelProfile:
        """What it is and can do."""
        ...

    async def request(
        self, request: ModelRequest, on_delta: OnDelta | None = None
    ) -> ModelResponse:
        """Answer once.

        Raises:
            ModelError: The provider refused, failed or answered nonsense.
        """
        ...


class ModelSource(Protocol):
    """Finds models by the source a program names. Entry-point group is ``neurectomy.models``."""

    async def resolve(self, source: str) -> Model:
        """The model for ``auto``, ``offline`` or ``provider:name``.

        Raises:
            NotFound: No such provider or model; the hint lists those that there are.
            Unavailable: The provider needs an extra, a key or a running server.
        """
        ...
