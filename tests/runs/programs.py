"""Random programs whose outcome does not depend on timing, and workers that answer by rule."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from typing import Any

from hypothesis import strategies as st

from neurectomy.core import codecs
from neurectomy.models.port import (
    OUTPUT_TOOL,
    AssistantMessage,
    ModelError,
    ModelProfile,
    ModelRequest,
    ModelResponse,
    ToolCall,
    ToolMessage,
    Usage,
)
from neurectomy.tools.port import ToolOutcome

HEADER = """
model m = auto
tool work(n: int) -> int from "t.py" idempotent retry 2 after 1ms
tool risky(n: int) -> int from "t.py"
type Pair { a: int  b: list[int] }
agent think(n: int) -> Pair {
  model m
  tools work
  turns 4
  retry 2 after 1ms
  prompt "Think about {{ n }}"
}
flow inner(n: int) -> int {
  x = work(n)
  return x + n
}
"""


class Writer:
    """Builds a flow's body from drawn choices."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw
        self._count = 0

    def fresh(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def block(self, scope: list[str], depth: int, indent: str) -> list[str]:
        lines: list[str] = []
        for _ in range(self._draw(st.integers(1, 3))):
            lines += self.statement(scope, depth, indent)
        return lines

    def statement(self, scope: list[str], depth: int, indent: str) -> list[str]:
        kinds = ["bind", "work", "risky", "think", "inner"]
        if depth < 2:
            kinds += ["if", "repeat", "parallel", "map"]
        kind = self._draw(st.sampled_from(kinds))
        source = self._draw(st.sampled_from(scope))
        name = self.fresh()
        match kind:
            case "bind":
                scope.append(name)
                return [f"{indent}{name} = {source} * 3 + 1"]
            case "work" | "risky" | "inner":
                scope.append(name)
                return [f"{indent}{name} = {kind}({source})"]
            case "think":
                scope.append(name)
                return [f"{indent}p{name} = think({source})", f"{indent}{name} = p{name}.a"]
            case "if":
                inner = self.block(list(scope), depth + 1, indent + "  ")
                other = self.block(list(scope), depth + 1, indent + "  ")
                head = f"{indent}if {source} % 2 == 0 {{"
                return [head, *inner, f"{indent}}} else {{", *other, f"{indent}}}"]
            case "repeat":
                scope.append(name)
                times = self._draw(st.integers(1, 3))
                inner = self.block(list(scope), depth + 1, indent + "  ")
                head = f"{indent}repeat at most {times} times while {name} < 1000 {{"
                step = f"{indent}  {name} = {name} + 7"
                return [f"{indent}{name} = {source}", head, *inner, step, f"{indent}}}"]
            case "parallel":
                names = [self.fresh() for _ in range(self._draw(st.integers(1, 3)))]
                calls = [self._draw(st.sampled_from(["work", "inner", "risky"])) for _ in names]
                branches = [
                    f"{indent}  {n} = {c}({source} + {i})"
                    for i, (n, c) in enumerate(zip(names, calls, strict=True))
                ]
                scope += names
                return [f"{indent}parallel {{", *branches, f"{indent}}}"]
            case _:
                item = self.fresh()
                inner_scope = [*scope, item]
                inner = self.block(inner_scope, depth + 1, indent + "  ")
                limit = self._draw(st.sampled_from(["", " at most 2 at once"]))
                head = f"{indent}m{name} = map {item} in [{source}, 2, 3]{limit} {{"
                tail = [f"{indent}  yield {inner_scope[-1]}", f"{indent}}}"]
                scope.append(name)
                return [head, *inner, *tail, f"{indent}{name} = len(m{name})"]


@st.composite
def programs(draw: Any) -> str:
    """The text of a program with one flow ``f(n)``."""
    writer = Writer(draw)
    scope = ["n"]
    lines = writer.block(scope, 0, "  ")
    body = "\n".join([*lines, f"  return [{', '.join(scope)}]"])
    return f"{HEADER}\nflow f(n: int) -> list[int] {{\n{body}\n}}\n"


PROFILE = ModelProfile(
    "rule", "rule", language_model=False, input_nanos=0.0, output_nanos=0.0, local=True
)


def _roll(key: Any) -> int:
    return int.from_bytes(hashlib.sha256(codecs.canonical(key)).digest()[:4], "big")


class RuleWorkers:
    """Answers that follow from the request alone, after a random time, sometimes failing first."""

    def __init__(self, seed: int, *, faults: bool = True) -> None:
        self._random = random.Random(seed)
        self._faults = faults
        self._failed: set[Any] = set()

    def _fails(self, key: Any) -> bool:
        """Whether this is one of the few calls that fail; the same one never fails twice."""
        if not self._faults or key in self._failed or self._random.random() > 0.1:
            return False
        self._failed.add(key)
        return True

    async def _pause(self) -> None:
        for _ in range(self._random.randint(0, 3)):
            await asyncio.sleep(0)

    async def ask_model(self, model: str, request: ModelRequest, on_delta: Any) -> ModelResponse:
        await self._pause()
        prompt = request.messages[0].content
        n = int("".join(segment.text for segment in prompt if segment.input))
        results = [m for m in request.messages if isinstance(m, ToolMessage)]
        roll = _roll([n, len(request.messages)])
        if roll % 7 == 0 and self._fails(("model", n, len(request.messages))):
            raise ModelError("server_error", "busy", retryable=True)
        if not results:
            calls = tuple(
                ToolCall("x", "work", {"n": n + i} if roll % 5 else {"wrong": 1})
                for i in range(1 + roll % 3)
            )
            return ModelResponse(AssistantMessage(calls=calls), Usage(10, 5, cost_nanos=3))
        total = sum(json.loads(m.content) for m in results if not m.error)
        value = {"a": total % 1000, "b": list(range(n % 5))}
        call = ToolCall("y", OUTPUT_TOOL, {"value": value})
        return ModelResponse(AssistantMessage(calls=(call,)), Usage(20, 7, cost_nanos=4))

    async def call_tool(
        self, tool: Any, arguments: dict[str, Any], timeout_ms: int, files: Any = None
    ) -> ToolOutcome:
        await self._pause()
        n = arguments["n"]
        if tool.name == "work" and self._fails(("work", n)):
            return ToolOutcome(error={"code": "raised", "message": "no luck", "retryable": True})
        return ToolOutcome(value=(n * 2 + 1) % 997)
