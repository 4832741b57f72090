"""Tools: their files compared with their declarations, and calls through a real jail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

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
