"""What differs between two programs: nothing is missed, nothing is invented, and it reads well."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from inline_snapshot import snapshot

from neurectomy.agents.changes import between, between_files
from neurectomy.agents.program import Program, meaning
from neurectomy.language.compiler import compile_text
from tests.runs.programs import programs

EXAMPLE = Path("examples/stdlib/answer.agent").read_text("utf-8")


def program(text: str) -> Program:
    compiled = compile_text(text, "test.agent")
    assert compiled.ok, compiled.diagnostics
    return compiled.program


def lines(before: str, after: str) -> list[str]:
    return [change.line for change in between(program(before), program(after))]


def edited(*edits: tuple[str, str], text: str = EXAMPLE) -> str:
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def test_each_part_of_a_declaration_has_its_line() -> None:
    after = edited(
        ("model reader = auto", 'model reader = "offline" { temperature 0.2 }'),
        ("limit: int = 5", "limit: int = 8"),
        ("## Qualified, such", "## In full, such"),
        ("  module: str\n", "  module: str?\n"),
        ("turns 6", "turns 7\n  timeout 9s"),
        ("Look it up first.", "Look it up."),
        ("at most 2 times", "at most 3 times"),
    )
    assert lines(EXAMPLE, after) == snapshot(
        [
            "model reader: auto -> offline",
            "temperature of model reader added: 0.2",
            "parameter limit of lookup: int = 5 -> int = 8",
            "field name of type Passage",
            "field module of type Passage: str -> str?",
            "prompt of researcher",
            "turns of researcher: 6 -> 7",
            "timeout of researcher: 120 s -> 9 s",
            "step repeat of answer",
        ]
    )


def test_what_was_declared_or_dropped_is_one_line() -> None:
    before = edited(text="model a = auto\nflow f(n: int) -> int { x = n\n return x }")
    after = "model b = auto\nflow f(n: int) -> int { y = n\n return y }"
    assert lines(before, after) == snapshot(
        [
            "model a removed",
            "model b added",
            "step x of f removed: x = n",
            "step return of f: return x -> return y",
            "step y of f added: y = n",
        ]
    )


def test_the_order_of_steps_and_parameters_counts() -> None:
    before = "flow f(a: int, b: int) -> int { x = a\n y = b\n return 1 }"
    after = "flow f(b: int, a: int) -> int { y = b\n x = a\n return 1 }"
    assert lines(before, after) == snapshot(
        [
            "order of parameters of f: a, b -> b, a",
            "order of steps of f: x, y, return -> y, x, return",
        ]
    )


def test_a_step_that_moves_into_a_block_changes_though_its_text_does_not() -> None:
    before = "flow f(a: bool) -> int {\n if a { x = 1 } else { y = 2 }\n return 1 }"
    after = "flow f(a: bool) -> int {\n if a { } else { x = 1\n y = 2 }\n return 1 }"
    assert lines(before, after) == snapshot(["step x of f"])


def test_true_and_one_are_two_values() -> None:
    before = "flow f() -> json { x = 1\n return x }"
    assert lines(before, before.replace("x = 1", "x = true")) == snapshot(
        ["step x of f: x = 1 -> x = true"]
    )


def test_both_texts_of_a_prompt_are_given() -> None:
    after = edited(("Look it up first.", "Look it up."))
    (change,) = between(program(EXAMPLE), program(after))
    assert (change.kind, change.name, change.part) == ("agent", "researcher", "prompt")
    assert change.before is not None
    assert "{{ question }}" in change.before
    assert change.after == change.before.replace("Look it up first.", "Look it up.")


def test_files_of_tools() -> None:
    before, after = {"a.py": "1", "b.py": "2"}, {"a.py": "1", "b.py": "3", "c.py": ""}
    assert [c.line for c in between_files(before, after)] == ["b.py", "c.py added"]


@given(programs(), programs())
@settings(max_examples=60, deadline=None)
def test_there_are_changes_exactly_where_the_meanings_differ(first: str, second: str) -> None:
    one, other = program(first), program(second)
    changes = between(one, other)
    assert bool(changes) == (meaning(one) != meaning(other))
    assert between(one, program(f"# why\n{first}")) == []
    there = {(c.subject, c.status, c.before, c.after) for c in changes}
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    back = {(c.subject, turned[c.status], c.after, c.before) for c in between(other, one)}
    assert there == back
