"""The offline model: what it plans and what it extracts, by shapes and names alone."""

from __future__ import annotations

import json

import pytest

from neurectomy.models.offline import OFFLINE, OfflineModel
from neurectomy.models.port import (
    OUTPUT_TOOL,
    AssistantMessage,
    Delta,
    ModelRequest,
    OutputSchema,
    Segment,
    ToolCall,
    ToolMessage,
    ToolSchema,
    UserMessage,
)

pytestmark = pytest.mark.anyio


def schema(**properties) -> dict:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
SEARCH = ToolSchema("search", "", schema(question=TEXT))
ITEMS = [
    {"name": "heapq.merge", "text": "Merge sorted inputs. It is lazy. Nothing else.", "score": 9.0},
    {"name": "list.sort", "text": "Sort a list in place.", "score": 2.0},
]
ANSWER = OutputSchema(
    "tool", schema(text=TEXT, sources={"type": "array", "items": schema(name=TEXT)}, sure=NUMBER)
)


def asked(*more, tools=(SEARCH,), output=ANSWER, **inputs: str) -> ModelRequest:
    segments = [Segment("Answer: ")]
    segments += [Segment(value, name) for name, value in inputs.items()]
    return ModelRequest("offline", (UserMessage(tuple(segments)), *more), tools, output)


def returned(tool: str, value, arguments=None):
    call = ToolCall("c", tool, arguments or {"question": "How?"})
    return AssistantMessage(calls=(call,)), ToolMessage("c", tool, json.dumps(value))


async def value_of(request: ModelRequest):
    response = await OfflineModel().request(request)
    (call,) = response.message.calls
    assert call.tool == OUTPUT_TOOL
    return call.arguments["value"]


async def test_it_calls_a_tool_with_the_input_of_that_name() -> None:
    response = await OfflineModel().request(asked(other="no", question="How?"))
    assert response.message.calls == (ToolCall("call_0", "search", {"question": "How?"}),)
    assert response.finish == "tool_calls"
    assert OFFLINE.label == "offline (not a language model)"


async def test_it_fills_arguments_by_shape_where_names_differ() -> None:
    tool = ToolSchema("check", "", schema(sources={"type": "array", "items": schema(name=TEXT)}))
    response = await OfflineModel().request(
        asked(tools=(tool,), draft='[{"name": "heapq.merge"}]', note="text")
    )
    assert response.message.calls[0].arguments == {"sources": [{"name": "heapq.merge"}]}


async def test_a_tool_whose_arguments_are_not_known_is_not_called() -> None:
    tool = ToolSchema("act", "", schema(amount={"type": "integer"}))
    response = await OfflineModel().request(asked(tools=(tool,), question="How?"))
    assert response.message.calls == ()
    assert "not a language model" in response.message.text


async def test_a_choice_is_taken_from_the_words_of_the_question() -> None:
    kinds = {"type": "string", "enum": ["food", "public_transport"]}
    tool = ToolSchema("total", "", schema(kind=kinds))
    request = asked(tools=(tool,), question="What did we spend on public transport?")
    (call,) = (await OfflineModel().request(request)).message.calls
    assert call.arguments == {"kind": "public_transport"}
    request = asked(tools=(tool,), question="What did we spend?")
    assert (await OfflineModel().request(request)).message.calls == ()


async def test_it_answers_with_extracts_and_the_items_they_come_from() -> None:
    value = await value_of(asked(*returned("search", ITEMS), question="How?"))
    assert value["text"] == "heapq.merge: Merge sorted inputs. It is lazy. Nothing else."
    assert value["sources"] == [{"name": "heapq.merge"}]
    assert 0.5 < value["sure"] < 1


async def test_what_was_objected_to_comes_last() -> None:
    remark = "heapq.merge does not exist"
    value = await value_of(asked(*returned("search", ITEMS), question="How?", feedback=remark))
    assert value["sources"][0] == {"name": "list.sort"}


async def test_it_copies_a_result_that_has_the_shape() -> None:
    report = {"passed": False, "reason": "no", "checks": ["a"]}
    output = OutputSchema("tool", schema(passed={"type": "boolean"}, reason=TEXT))
    value = await value_of(asked(*returned("search", report), output=output, question="How?"))
    assert value == {"passed": False, "reason": "no"}


async def test_a_failed_tool_is_told_rather_than_made_up() -> None:
    call = AssistantMessage(calls=(ToolCall("c", "search", {"question": "How?"}),))
    failed = ToolMessage("c", "search", "it broke", error=True)
    response = await OfflineModel().request(asked(call, failed, question="How?"))
    assert response.message.calls == ()
    assert "it broke" in response.message.text


@pytest.mark.parametrize("mode", ["native", "prompted"])
async def test_other_output_modes_answer_in_json(mode) -> None:
    output = OutputSchema(mode, ANSWER.schema)
    request = asked(*returned("search", ITEMS), output=output, question="How?")
    said: list[Delta] = []
    response = await OfflineModel().request(request, said.append)
    assert json.loads(response.message.text)["sources"] == [{"name": "heapq.merge"}]
    assert "".join(delta.text for delta in said) == response.message.text


async def test_the_same_request_gives_the_same_answer() -> None:
    request = asked(*returned("search", ITEMS), question="How?")
    assert await OfflineModel().request(request) == await OfflineModel().request(request)
