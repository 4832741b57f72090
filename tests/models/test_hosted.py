"""Models of providers and runtimes: found, asked over the wire, streamed, failing."""

from __future__ import annotations

import pytest

from neurectomy.core.errors import NotFound, Unavailable
from neurectomy.models.port import (
    OUTPUT_TOOL,
    AssistantMessage,
    Delta,
    ModelError,
    ModelRequest,
    OutputSchema,
    Segment,
    SystemMessage,
    ToolCall,
    ToolMessage,
    ToolSchema,
    UserMessage,
)
from neurectomy.models.sources import Models
from tests.models.provider import provider

pytestmark = pytest.mark.anyio

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
NOWHERE = dict.fromkeys(("OLLAMA_HOST", "LMSTUDIO_HOST", "LLAMACPP_HOST"), "http://127.0.0.1:9")


@pytest.fixture
def server():
    with provider() as running:
        yield running


@pytest.fixture
async def model(server):
    models = Models({**NOWHERE, "OLLAMA_HOST": server.address})
    yield await models.resolve("ollama:small")
    await models.close()


def request(output: OutputSchema | None = None) -> ModelRequest:
    return ModelRequest(
        "ollama:small",
        (
            SystemMessage((Segment("Be brief."),)),
            UserMessage((Segment("Add to "), Segment("3", "n"))),
            AssistantMessage(calls=(ToolCall("call_0_0", "add", {"n": 3}),)),
            ToolMessage("call_0_0", "add", "4"),
        ),
        (ToolSchema("add", "Adds one.", SCHEMA),),
        output or OutputSchema("text"),
        {"temperature": 0.5},
    )


async def test_text_is_streamed_and_counted(server, model) -> None:
    server.answers = [[{"content": "It is "}, {"content": "four."}]]
    said: list[Delta] = []
    response = await model.request(request(), said.append)
    assert response.message == AssistantMessage("It is four.")
    assert [delta.text for delta in said if delta.text] == ["It is ", "four."]
    assert (response.usage.input_tokens, response.usage.output_tokens) == (11, 7)
    assert (response.usage.cost_nanos, response.finish) == (0, "stop")
    (asked,) = server.asked
    assert asked["temperature"] == 0.5
    assert [m["role"] for m in asked["messages"]] == ["system", "user", "assistant", "tool"]
    assert asked["messages"][1]["content"] == "Add to 3"
    assert asked["tools"][0]["function"]["name"] == "add"


async def test_calls_of_tools_come_with_their_arguments(server, model) -> None:
    call = {"index": 0, "id": "x1", "type": "function",
            "function": {"name": "add", "arguments": '{"n": 5}'}}  # fmt: skip
    server.answers = [[{"tool_calls": [call]}]]
    response = await model.request(request())
    (made,) = response.message.calls
    assert (made.tool, made.arguments) == ("add", {"n": 5})
    assert response.finish == "tool_calls"


async def test_arguments_that_are_no_json_are_given_on_as_text(server, model) -> None:
    call = {"index": 0, "id": "x1", "type": "function",
            "function": {"name": "add", "arguments": '{"n": '}}  # fmt: skip
    server.answers = [[{"tool_calls": [call]}]]
    response = await model.request(request())
    assert response.message.calls[0].arguments == '{"n": '


async def test_each_output_mode_asks_in_its_way(server, model) -> None:
    server.answers = [[{"content": "{}"}]] * 3
    for mode in ("tool", "native", "prompted"):
        await model.request(request(OutputSchema(mode, SCHEMA, "Sum")))
    by_tool, native, prompted = server.asked
    assert OUTPUT_TOOL in [tool["function"]["name"] for tool in by_tool["tools"]]
    assert native["response_format"]["type"] == "json_schema"
    assert "JSON Schema" in str(prompted["messages"])


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [(429, "rate_limited", True), (500, "server_error", True), (401, "unauthorized", False),
     (400, "refused", False)],
)  # fmt: skip
async def test_failures_are_told_apart(server, model, status, code, retryable) -> None:
    server.answers = [status] * 5
    with pytest.raises(ModelError) as caught:
        await model.request(request())
    assert (caught.value.code, caught.value.retryable) == (code, retryable)


async def test_a_provider_that_is_gone_is_unreachable(server, model) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(ModelError) as caught:
        await model.request(request())
    assert (caught.value.code, caught.value.retryable) == ("unreachable", True)


async def test_auto_takes_what_is_there(server) -> None:
    async def auto(**environment: str):
        models = Models({**NOWHERE, **environment})
        profile = (await models.resolve("auto")).profile
        await models.close()
        return profile

    assert (await auto()).id == "offline"
    found = await auto(LMSTUDIO_HOST=server.address)
    assert (found.id, found.local, found.input_nanos) == ("lmstudio:small", True, 0)
    chosen = await auto(LMSTUDIO_HOST=server.address, NEURECTOMY_MODEL="lmstudio:large")
    assert chosen.id == "lmstudio:large"
    hosted = await auto(OPENAI_API_KEY="k")
    assert hosted.id.startswith("openai:")
    assert not hosted.local


async def test_what_is_not_there_is_told_with_the_next_step(server) -> None:
    models = Models({**NOWHERE, "OLLAMA_HOST": server.address})
    for source, kind, text in (
        ("nothing:such", NotFound, "there is no model"),
        ("ollama:none", NotFound, "has no model none"),
        ("llamacpp:x", Unavailable, "does not answer"),
        ("anthropic:claude", Unavailable, "ANTHROPIC_API_KEY"),
    ):
        with pytest.raises(kind, match=text) as caught:
            await models.resolve(source)
        assert caught.value.hint
    states = {source.source: source.state for source in await models.listing()}
    assert states["ollama:small"] == "ready"
    assert states["llamacpp"] == "absent"
