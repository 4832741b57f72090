"""The built-in model: deterministic, on this machine, and not a language model.

It plans calls of tools from their schemas and from where the words of the prompt came from, and it
answers with extracts of what the tools returned. It never makes a statement of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.core import codecs
from neurectomy.models.extraction import Extract
from neurectomy.models.planning import Known, plan_call
from neurectomy.models.port import (
    OUTPUT_TOOL,
    AssistantMessage,
    Delta,
    ModelProfile,
    ModelRequest,
    ModelResponse,
    SystemMessage,
    ToolCall,
    ToolMessage,
    Usage,
    UserMessage,
)

if TYPE_CHECKING:
    from neurectomy.models.port import OnDelta

OFFLINE = ModelProfile(
    id="offline",
    label="offline (not a language model)",
    language_model=False,
    output_modes=("tool", "native", "prompted"),
    max_output_tokens=2048,
    input_nanos=0.0,
    output_nanos=0.0,
    local=True,
)


class OfflineModel:
    """Implements `neurectomy.models.port.Model`."""

    profile = OFFLINE

    async def request(
        self, request: ModelRequest, on_delta: OnDelta | None = None
    ) -> ModelResponse:
        known = _read(request)
        calls = _calls(request, known)
        message = AssistantMessage(calls=calls) if calls else _answer(request, known)
        if on_delta is not None:
            _stream(message, on_delta)
        sent = len(codecs.canonical(request)) // 4
        said = len(codecs.encode(message)) // 4
        finish = "tool_calls" if message.calls else "stop"
        return ModelResponse(message, Usage(sent, said, cost_nanos=0), finish, "offline")


def _read(request: ModelRequest) -> Known:
    """What the conversation has told: inputs by name, results by tool, calls so far."""
    known = Known()
    calls: dict[str, ToolCall] = {}
    for message in request.messages:
        match message:
            case SystemMessage(content) | UserMessage(content):
                for segment in content:
                    if segment.input:
                        known.add_input(segment.input, segment.text)
            case AssistantMessage(calls=made):
                calls |= {call.id: call for call in made}
            case ToolMessage():
                call = calls.get(message.call)
                arguments = call.arguments if call is not None else {}
                known.add_result(message.tool, arguments, message.content, failed=message.error)
    return known


def _calls(request: ModelRequest, known: Known) -> tuple[ToolCall, ...]:
    """The calls that are worth making now: each tool once, as soon as its arguments are known."""
    if request.messages and isinstance(request.messages[-1], UserMessage) and known.called:
        return ()  # an answer was refused; calling again would bring nothing new
    calls: list[ToolCall] = []
    for tool in request.tools:
        if tool.name in known.called:
            continue
        arguments = plan_call(tool.parameters, known)
        if arguments is not None:
            calls.append(ToolCall(f"call_{len(calls)}", tool.name, arguments))
    return tuple(calls)


def _answer(request: ModelRequest, known: Known) -> AssistantMessage:
    extract = Extract(known)
    output = request.output
    if output.mode == "text":
        return AssistantMessage(extract.text() or _nothing(known))
    value = extract.value(output.schema, output.schema)
    if value is None:
        return AssistantMessage(_nothing(known))
    if output.mode == "tool":
        return AssistantMessage(calls=(ToolCall("answer", OUTPUT_TOOL, {"value": value}),))
    return AssistantMessage(codecs.encode(value).decode())


def _nothing(known: Known) -> str:
    if known.failures:
        return f"No answer could be extracted: {known.failures[-1]}"
    return (
        "The offline model is not a language model: it answers only with extracts of what tools "
        "return, and there is nothing here to extract an answer from."
    )


def _stream(message: AssistantMessage, on_delta: OnDelta) -> None:
    for start in range(0, len(message.text), 64):
        on_delta(Delta(text=message.text[start : start + 64]))
    for call in message.calls:
        arguments: Any = codecs.encode(call.arguments).decode()
        for start in range(0, len(arguments), 256):
            on_delta(Delta(tool=call.tool, arguments=arguments[start : start + 256]))
