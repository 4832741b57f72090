"""Models of providers and local runtimes, one request at a time, through pydantic-ai."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from neurectomy.core import codecs
from neurectomy.models.port import (
    OUTPUT_TOOL,
    AssistantMessage,
    Delta,
    ModelError,
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
    from pydantic_ai import messages
    from pydantic_ai.models import Model as ProviderModel
    from pydantic_ai.models import ModelRequestParameters

    from neurectomy.models.port import OnDelta, OutputSchema

_PROMPTED = "Answer with one JSON value and nothing else. It must match this JSON Schema:\n{schema}"
_RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class HostedModel:
    """Implements `neurectomy.models.port.Model` over a model of pydantic-ai.

    Args:
        model: pydantic-ai's, with its provider and key.
        source: ``provider:name``, as programs write it.
        local: Whether nothing leaves the machine; it then costs nothing.
    """

    def __init__(self, model: ProviderModel, source: str, *, local: bool) -> None:
        self._model = model
        self.profile = _profile(model, source, local=local)

    async def request(
        self, request: ModelRequest, on_delta: OnDelta | None = None
    ) -> ModelResponse:
        settings: Any = dict(request.settings)
        parameters = _parameters(request)
        conversation = _conversation(request)
        try:
            async with self._model.request_stream(conversation, settings, parameters) as stream:
                async for event in stream:
                    delta = None if on_delta is None else _delta(event)
                    if delta is not None and on_delta is not None:
                        on_delta(delta)
                response = stream.get()
        except Exception as error:
            raise _failure(error) from error
        return self._response(response)

    def _response(self, response: messages.ModelResponse) -> ModelResponse:
        text, thinking, calls = "", "", []
        for part in response.parts:
            match part.part_kind:
                case "text":
                    text += part.content
                case "thinking":
                    thinking += part.content or ""
                case "tool-call":
                    calls.append(ToolCall(part.tool_call_id, part.tool_name, _arguments(part.args)))
                case _:
                    continue
        usage = response.usage
        counted = Usage(
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            0 if self.profile.local else _cost(response),
        )
        finish = {"tool_call": "tool_calls", "content_filter": "filtered", "stop": "stop"}
        reason = response.finish_reason or ("tool_call" if calls else "stop")
        return ModelResponse(
            AssistantMessage(text, tuple(calls), thinking),
            counted,
            finish.get(reason, "length" if reason == "length" else "other"),
            response.model_name or "",
        )


def _arguments(given: Any) -> Any:
    if isinstance(given, dict):
        return given
    if not given:
        return {}
    try:
        return codecs.decode(given.encode())
    except (ValueError, RecursionError):
        return str(given)


def _conversation(request: ModelRequest) -> list[messages.ModelMessage]:
    from pydantic_ai import messages

    found: list[messages.ModelMessage] = []
    parts: list[messages.ModelRequestPart] = []
    for message in request.messages:
        match message:
            case SystemMessage(content):
                parts.append(messages.SystemPromptPart("".join(s.text for s in content)))
            case UserMessage(content):
                parts.append(messages.UserPromptPart("".join(s.text for s in content)))
            case ToolMessage(call, tool, content, error):
                outcome: Any = "failed" if error else "success"
                parts.append(messages.ToolReturnPart(tool, content, call, outcome=outcome))
            case AssistantMessage(text, calls):
                found.append(messages.ModelRequest(parts))
                parts = []
                said: list[messages.ModelResponsePart] = []
                if text:
                    said.append(messages.TextPart(text))
                said += [messages.ToolCallPart(c.tool, c.arguments, c.id) for c in calls]
                found.append(messages.ModelResponse(said))
    if request.output.mode == "prompted":
        schema = msgspec.json.format(codecs.encode(request.output.schema)).decode()
        parts.append(messages.SystemPromptPart(_PROMPTED.format(schema=schema)))
    if parts:
        found.append(messages.ModelRequest(parts))
    return found


def _parameters(request: ModelRequest) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.tools import ToolDefinition

    tools = [
        ToolDefinition(
            name=tool.name,
            description=tool.description or None,
            parameters_json_schema=tool.parameters,
        )
        for tool in request.tools
    ]
    output = request.output
    match output.mode:
        case "tool":
            answer = ToolDefinition(
                name=OUTPUT_TOOL,
                description=f"Give the answer, of type {output.name}, and end.",
                parameters_json_schema=_wrapped(output),
                kind="output",
            )
            return ModelRequestParameters(
                function_tools=tools,
                output_mode="tool",
                output_tools=[answer],
                allow_text_output=False,
            )
        case "native":
            return ModelRequestParameters(
                function_tools=tools,
                output_mode="native",
                output_object=OutputObjectDefinition(json_schema=output.schema, name="answer"),
            )
        case _:
            return ModelRequestParameters(function_tools=tools, output_mode="text")


def _wrapped(output: OutputSchema) -> dict[str, Any]:
    """The schema of ``{"value": ...}``; definitions stay at the top."""
    inner = dict(output.schema)
    definitions = inner.pop("$defs", None)
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"value": inner},
        "required": ["value"],
        "additionalProperties": False,
    }
    return schema if definitions is None else {**schema, "$defs": definitions}


def _delta(event: Any) -> Delta | None:
    part = getattr(event, "part", None) if event.event_kind == "part_start" else None
    if event.event_kind == "part_delta":
        part = event.delta
    if part is None:
        return None
    kind = getattr(part, "part_kind", None) or getattr(part, "part_delta_kind", "")
    match kind:
        case "text":
            said = getattr(part, "content", None) or getattr(part, "content_delta", None) or ""
            return Delta(text=said)
        case "thinking":
            said = getattr(part, "content", None) or getattr(part, "content_delta", None) or ""
            return Delta(thinking=said)
        case "tool-call":
            return Delta(tool=part.tool_name, arguments=_as_text(part.args))
        case "tool_call":
            name = part.tool_name_delta or ""
            return Delta(tool=name, arguments=_as_text(part.args_delta))
        case _:
            return None


def _as_text(arguments: Any) -> str:
    if arguments is None:
        return ""
    return arguments if isinstance(arguments, str) else codecs.encode(arguments).decode()


def _failure(error: Exception) -> ModelError:
    from pydantic_ai import exceptions

    if isinstance(error, exceptions.ModelHTTPError):
        status = error.status_code
        codes = {401: "unauthorized", 403: "unauthorized", 429: "rate_limited", 400: "refused"}
        code = codes.get(status, "server_error" if status >= 500 else "invalid_request")
        wish = getattr(error, "retry_after", None)
        return ModelError(
            code,
            f"the provider answered {status}: {_short(error.body or error)}",
            retryable=status in _RETRYABLE,
            retry_after_ms=None if wish is None else int(wish * 1000),
        )
    if isinstance(error, exceptions.ModelAPIError):
        return ModelError(
            "unreachable", f"the provider cannot be reached: {_short(error)}", retryable=True
        )
    if isinstance(error, exceptions.UnexpectedModelBehavior):
        return ModelError("nonsense", f"the response is none: {_short(error)}", retryable=True)
    if isinstance(error, OSError | TimeoutError):
        return ModelError(
            "unreachable", f"the provider cannot be reached: {_short(error)}", retryable=True
        )
    return ModelError(
        "invalid_request", f"{type(error).__name__}: {_short(error)}", retryable=False
    )


def _short(what: Any) -> str:
    text = " ".join(str(what).split())
    return text if len(text) <= 300 else f"{text[:297]}..."


def _cost(response: messages.ModelResponse) -> int | None:
    try:
        return int(response.cost().total_price * 1_000_000_000)
    except (LookupError, ValueError, AssertionError):
        return None


def _profile(model: ProviderModel, source: str, *, local: bool) -> ModelProfile:
    abilities: Any = model.profile
    modes: list[Any] = []
    if _able(abilities, "supports_tools", default=True):
        modes.append("tool")
    if _able(abilities, "supports_json_schema_output", default=False):
        modes.append("native")
    modes.append("prompted")
    prices = (0.0, 0.0) if local else _prices(model)
    place = "on this machine" if local else "hosted"
    return ModelProfile(
        id=source,
        label=f"{source} ({place})",
        language_model=True,
        output_modes=tuple(modes),
        input_nanos=prices[0],
        output_nanos=prices[1],
        local=local,
    )


def _able(abilities: Any, name: str, *, default: bool) -> bool:
    if isinstance(abilities, dict):
        return bool(abilities.get(name, default))
    return bool(getattr(abilities, name, default))


def _prices(model: ProviderModel) -> tuple[float | None, float | None]:
    """What a token costs to send and to receive, billionths of a dollar; null where unknown."""
    from genai_prices import Usage as Counted
    from genai_prices import calc_price

    try:
        sent = calc_price(Counted(input_tokens=1_000_000), model.model_name)
        said = calc_price(Counted(output_tokens=1_000_000), model.model_name)
    except (LookupError, ValueError):
        return None, None
    return float(sent.total_price) * 1000, float(said.total_price) * 1000
