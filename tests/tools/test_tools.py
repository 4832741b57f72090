"""Tools: their files compared with their declarations, and calls through a real jail."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, cast

import pytest

from neurectomy.core.errors import InvalidInput
from neurectomy.language.compiler import compile_text
from neurectomy.sandboxes.select import Sandboxes
from neurectomy.tools.runner import ToolRunner
from neurectomy.tools.signatures import compare, functions

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = '''
from dataclasses import dataclass
from typing import Literal, Optional

@dataclass
class Point:
    x: int

def move(point: Point, by: int = 1, *, way: Literal["up", "down"] = "up") -> list[Point]:
    """Move a point.

    More.
    """
    print("moving")
    return [Point(point["x"] + by)]

def maybe(text: Optional[str], rest: "dict[str, int] | None" = None) -> float | None:
    return text

def anything(**options):
    return options
'''


def declared(signature: str):
    text = f"type Point {{ x: int }}\ntool {signature}\nflow f() -> int {{ return 1 }}"
    return compile_text(text, "t.agent").program


def problems(signature: str) -> list[str]:
    program = declared(signature)
    (tool,) = program.tools.values()
    return [message for _, message, _ in compare(tool, SOURCE)]


def test_signatures_are_read_from_the_syntax_tree() -> None:
    found = functions(SOURCE)
    assert found["move"].summary == "Move a point."
    assert [p.required for p in found["move"].parameters] == [True, False, False]
    assert found["anything"].open


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ('move(point: Point, by: int) -> list[Point] from "t.py"', []),
        ('move(point: Point, way: "up" | "down") -> list[Point] from "t.py"', []),
        ('m(text: str) -> float? from "t.py:maybe"', []),
        ('anything(a: int) -> json from "t.py"', []),
        (
            'move(point: Point, by: str) -> list[Point] from "t.py"',
            ["by is str here and int in move"],
        ),
        ('move(by: int) -> list[Point] from "t.py"', ["move needs point too"]),
        ('move(point: Point, far: int) -> list[Point] from "t.py"', ["move does not take far"]),
        (
            'move(point: Point) -> Point from "t.py"',
            ["move returns list[Point], and this says Point"],
        ),
        ('gone() -> int from "t.py"', ["t.py has no function gone"]),
    ],
)
def test_differences_between_declaration_and_file(signature: str, expected: list[str]) -> None:
    assert problems(signature) == expected


def test_a_file_that_is_no_python_is_a_problem() -> None:
    (tool,) = declared('f2() -> int from "t.py"').tools.values()
    ((code, message, _),) = compare(tool, "def (")
    assert code == "tool-syntax"
    assert "line 1" in message


@pytest.mark.anyio
async def test_calls_run_in_the_jail_and_notice_a_changed_file(tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text(SOURCE)
    program = declared('move(point: Point, by: int = 1) -> list[Point] from "t.py"')
    (tool,) = program.tools.values()
    runner = ToolRunner(Sandboxes(), tmp_path)
    called = await runner.call(tool, {"point": {"x": 1}, "by": 2}, 5000, program.types)
    assert (called.value, called.stdout, called.error) == ([{"x": 3}], "moving\n", None)
    (tmp_path / "t.py").write_text("def move(point, by): return point")
    called = await runner.call(tool, {"point": {"x": 1}, "by": 2}, 5000, program.types)
    assert called.error is not None
    assert called.error["code"] == "wrong_type"
    (tmp_path / "t.py").write_text("def move(point, by):\n    raise KeyError('x')")
    called = await runner.call(tool, {"point": {"x": 1}, "by": 2}, 5000, program.types)
    assert called.error is not None
    assert "KeyError" in called.error["message"]
    assert "line 2" in called.error["message"]
    (tmp_path / "t.py").unlink()
    called = await runner.call(tool, {"point": {"x": 1}, "by": 2}, 5000, program.types)
    assert called.error is not None
    assert "cannot run" in called.error["message"]
    await runner.close()


@pytest.mark.anyio
async def test_a_module_from_elsewhere_in_the_folder_is_noticed_when_it_changes(
    tmp_path: Path,
) -> None:
    for name in ("tools", "library"):
        (tmp_path / name).mkdir()
    (tmp_path / "library" / "answers.py").write_text("VALUE = 1")
    (tmp_path / "tools" / "t.py").write_text(
        "from library.answers import VALUE\ndef value(): return VALUE"
    )
    program = declared('value() -> int from "tools/t.py"')
    (tool,) = program.tools.values()
    runner = ToolRunner(Sandboxes(), tmp_path)
    assert (await runner.call(tool, {}, 5000, program.types)).value == 1
    (tmp_path / "library" / "answers.py").write_text("VALUE = 22")
    assert (await runner.call(tool, {}, 5000, program.types)).value == 22
    await runner.close()


@pytest.mark.anyio
async def test_a_session_stays_warm_while_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text("import time\nBEGAN = time.time()\ndef began(): return BEGAN")
    os.utime(tmp_path / "t.py", (1_000_000_000, 1_000_000_000))
    program = declared('began() -> float from "t.py"')
    (tool,) = program.tools.values()
    runner = ToolRunner(Sandboxes(), tmp_path)
    first = await runner.call(tool, {}, 5000, program.types)
    (tmp_path / "other.py").write_text("")
    assert (await runner.call(tool, {}, 5000, program.types)).value == first.value
    await runner.close()


@pytest.mark.anyio
async def test_calls_in_flight_end_in_the_session_that_they_began_in(tmp_path: Path) -> None:
    text = "import time\ndef slow(seconds):\n    time.sleep(seconds)\n    return '{}'"
    (tmp_path / "t.py").write_text(text.format("before"))
    program = declared('slow(seconds: float) -> str from "t.py"')
    (tool,) = program.tools.values()
    runner = ToolRunner(Sandboxes(), tmp_path)
    await runner.call(tool, {"seconds": 0}, 5000, program.types)
    calls = [
        asyncio.create_task(runner.call(tool, {"seconds": 1}, 5000, program.types))
        for _ in range(20)  # more than run at once, so that some wait for their turn
    ]
    await asyncio.sleep(0.3)
    (tmp_path / "t.py").write_text(text.format("afterwards"))
    assert (await runner.call(tool, {"seconds": 0}, 5000, program.types)).value == "afterwards"
    assert len(runner._open) == 2
    assert {call.error for call in await asyncio.gather(*calls)} == {None}
    await asyncio.sleep(0)
    assert len(runner._open) == 1
    await runner.close()
    assert not runner._open


@pytest.mark.anyio
async def test_closing_ends_calls_in_flight_and_those_that_come_later(tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text("import time\ndef slow(): time.sleep(60)")
    program = declared('slow() -> none from "t.py"')
    (tool,) = program.tools.values()
    runner = ToolRunner(Sandboxes(), tmp_path)
    call = asyncio.create_task(runner.call(tool, {}, 60_000, program.types))
    await asyncio.sleep(1)
    await runner.close()
    called = await asyncio.wait_for(call, 5)
    assert called.error is not None
    assert called.error["code"] == "crashed"
    called = await runner.call(tool, {}, 5000, program.types)
    assert called.error is not None
    assert called.error["code"] == "unavailable"
    assert not runner._open


class Failing:
    """A session, and the sandboxes that open it, whose calls raise."""

    name, tier = "failing", "jail"

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def choose(self, tier: str):
        return self

    async def open(self, spec):
        return self

    async def call(self, function, arguments, limits):
        raise self._error

    def changed(self) -> bool:
        return False

    async def close(self) -> None:
        pass


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("the file is gone"), "invalid_input"),
        (KeyError(1), "internal"),
    ],
)
async def test_what_a_session_raises_is_the_outcome_of_the_call(
    tmp_path: Path, error: Exception, code: str
) -> None:
    program = declared('f2() -> int from "t.py"')
    (tool,) = program.tools.values()
    runner = ToolRunner(cast(Any, Failing(error)), tmp_path)
    called = await runner.call(tool, {}, 5000, program.types)
    assert called.error is not None
    assert called.error["code"] == code
    assert str(error) in called.error["message"]
    await runner.close()


@pytest.mark.anyio
async def test_long_messages_lose_their_middle(tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text("def fail(): raise ValueError('begin' + 'x' * 100_000 + 'end')")
    program = declared('fail() -> int from "t.py"')
    (tool,) = program.tools.values()
    runner = ToolRunner(Sandboxes(), tmp_path)
    called = await runner.call(tool, {}, 5000, program.types)
    assert called.error is not None
    message = called.error["message"]
    assert len(message) < 4100
    assert "ValueError: begin" in message
    assert "characters were left out" in message
    assert "line 1, in fail" in message
    await runner.close()
