"""The language: round trips on anything, and each error with its place, code and hint."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from neurectomy.agents.program import from_data, meaning, to_data
from neurectomy.language.compiler import compile_text
from neurectomy.language.diagnostics import Lines, show
from neurectomy.language.lexer import tokenize
from neurectomy.language.parser import parse
from neurectomy.language.tree import walk

EXAMPLE = Path("examples/stdlib/answer.agent").read_text("utf-8")

PIECES = [token.text for token in tokenize(EXAMPLE)] + ['"""', "{{", "}}", "(", "[", '"', "\\", "?"]


def compiled(text: str):
    return compile_text(text, "test.agent")


def errors(text: str) -> list[str]:
    return [
        f"{d.line}:{d.column} {d.code}" for d in compiled(text).diagnostics if d.severity == "error"
    ]


def in_flow(body: str) -> str:
    return f"flow f(q: str, n: int, x: str?) -> str {{\n{body}\n}}"


def test_the_example_has_no_problems() -> None:
    result = compiled(EXAMPLE)
    assert result.diagnostics == ()
    assert list(result.program.flows) == ["answer"]
    assert result.program.tools["lookup"].idempotent
    assert (
        result.program.types["Passage"].fields[0].description == "Qualified, such as heapq.merge."
    )
    flow = result.program.flows["answer"]
    assert [statement.node for statement in flow.body] == ["draft", "verdict", "repeat", "return"]


def test_a_program_survives_its_data_and_comments_do_not_change_its_meaning() -> None:
    program = compiled(EXAMPLE).program
    assert from_data(to_data(program)) == program
    commented = EXAMPLE.replace("draft   =", "# why\n  draft =")
    assert meaning(compiled(commented).program) == meaning(program)
    changed = EXAMPLE.replace("at most 2", "at most 3")
    assert meaning(compiled(changed).program) != meaning(program)


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=200).map("".join)))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_tree_that_is_the_text(text: str) -> None:
    result = compiled(text)
    tokens = (token for part in result.syntax.declarations for token in walk(part.node))
    assert "".join(token.text for token in tokens) == text
    lines = text.count("\n") + 1
    assert all(1 <= item.line <= lines for item in result.diagnostics)
    for item in result.diagnostics[:5]:
        assert item.message in show(item, Lines(text))


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.integers(0, len(EXAMPLE)))
@settings(max_examples=100, deadline=None)
def test_parsing_again_reuses_what_did_not_change(pieces: list[str], at: int) -> None:
    before = parse(EXAMPLE)
    edited = EXAMPLE[:at] + "".join(pieces) + EXAMPLE[at:]
    again = parse(edited, before)
    assert again == parse(edited)
    known = {id(part) for part in before.declarations}
    same = {part.text for part in before.declarations}
    assert all(id(part) in known for part in again.declarations if part.text in same)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50_000,
        "flow f() -> str {" + "if x {" * 5000,
        "flow f() -> str { x = " + "(" * 5000 + "1" + ")" * 5000 + "}",
        "flow f() -> str { x = " + "1+" * 20_000 + "1 }",
        "flow f() -> str { x = a" + ".b" * 20_000 + " }",
        "flow f(x: " + "list[" * 5000,
        '"""' * 5000,
        "flow f() -> str { x = " + "-" * 5000 + "1 }",
        "flow f() -> str {" + "if a {} else " * 3000,
    ],
)
def test_deep_and_long_texts_are_refused_in_few_words(text: str) -> None:
    found = compiled(text).diagnostics
    assert 0 < len(found) < 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1 empty"]),
        ("hello", ["1:1 expected-declaration"]),
        ("model m = auto { temprature 1 }\n", ["1:18 unknown-option"]),
        ("type T { x: T }", ["1:6 endless-type"]),
        ('type T { x: int = "a" }', ["1:10 wrong-type"]),
        ("type T { x: strr }", ["1:13 unknown-name"]),
        ("type T { x: int }\ntype T { y: int }", ["2:6 duplicate"]),
        ('tool t() -> str from "../t.py"', ["1:22 path"]),
        ('tool t() -> str from "t.txt"', ["1:22 path"]),
        ('tool t() -> str from "t.py" in cage', ["1:32 unknown-name"]),
        ("tool t() -> str", ["1:6 missing-option"]),
        ('agent a() -> str { model m prompt "x" }', ["1:26 unknown-name"]),
        ('model m = auto\nagent a() -> str { model m prompt "{{ q }}" }', ["2:39 unknown-name"]),
        ('agent a() -> str { prompt "x" }', ["1:7 missing-option"]),
        (in_flow("return p"), ["2:8 unknown-name"]),
        (in_flow("return n"), ["2:8 wrong-type"]),
        (in_flow("return x"), ["2:8 wrong-type"]),
        (in_flow("if x != null { return x }\nreturn q"), []),
        (in_flow("if x == null { return q }\nreturn x"), []),
        (in_flow("if n { return q }\nreturn q"), ["2:4 wrong-type"]),
        (in_flow("if n > 0 { return q }"), ["1:6 no-return"]),
        (in_flow("return q\nreturn q"), ["3:1 unreachable"]),
        (in_flow("if n > 0 { a = q }\nreturn a"), ["3:8 maybe-unset"]),
        (in_flow("a = q\na = n\nreturn q"), ["3:1 rebinding"]),
        (in_flow("return f(q, n, x)"), ["2:8 call-within"]),
        (in_flow("a = f(q, n, x)\nreturn a"), ["2:1 endless"]),
        (in_flow("a = g(q)\nreturn q"), ["2:5 unknown-name"]),
        (in_flow("return q + n"), ["2:8 wrong-type"]),
        (in_flow("return q.name"), ["2:8 unknown-field"]),
        (in_flow("a = 1 < 2 < 3\nreturn q"), ["2:5 wrong-type", "2:11 chained-comparison"]),
        (in_flow("repeat { a = q }\nreturn q"), ["2:8 expected"]),
        (in_flow("a = map i in q { yield i }\nreturn q"), ["2:14 wrong-type"]),
        (in_flow("a = map i in [n] { b = i }\nreturn q"), ["2:1 no-yield"]),
        (in_flow("parallel { a = q\nif n > 0 { b = q } }\nreturn q"), ["3:1 misplaced"]),
        (in_flow("yield q"), ["2:1 misplaced"]),
        (in_flow("if = q\nreturn q"), ["2:1 reserved"]),
        (in_flow("q(n)\nreturn q"), ["2:1 expected"]),
        (in_flow('return "abc'), ["2:8 bad-token"]),
        (in_flow("return q @ n"), ["2:10 bad-token"]),
        (in_flow("a = upper(n)\nreturn a"), ["2:11 wrong-type"]),
        (in_flow("a = len(q, n)\nreturn q"), ["2:5 arguments"]),
        (in_flow("a = ask human q -> bool\nif a { return q }\nreturn str(a)"), []),
        ("flow f() -> str { budget 3 eur return 1 }", ["1:28 unknown-unit", "1:39 wrong-type"]),
    ],
)
def test_each_mistake_is_found_at_its_place(text: str, expected: list[str]) -> None:
    assert errors(text) == expected


def test_a_healthy_part_is_understood_beside_a_broken_one() -> None:
    result = compiled("flow f( {\n\nflow g() -> int {\n  return 1\n}\n")
    assert not result.ok
    assert result.program.flows["g"].returns.name == "int"


def test_a_problem_is_shown_with_its_line_a_caret_and_a_hint() -> None:
    text = in_flow("  answer = q\n  return anser")
    (problem,) = [d for d in compiled(text).diagnostics if d.severity == "error"]
    assert show(problem, Lines(text)) == snapshot("""\
error[unknown-name]: there is no anser here
 --> test.agent:3:10
  |
3 |   return anser
  |          ^^^^^
  = hint: Did you mean answer?\
""")


def test_templates_lose_their_indentation_and_keep_their_values() -> None:
    prompt_text = '"""\n    One {{ q }}\n      two\n  """'
    text = f"model m = auto\nagent a(q: str) -> str {{\n  model m\n  prompt {prompt_text}\n}}"
    prompt = compiled(text).program.agents["a"].prompt
    assert prompt.parts[0] == "One "
    assert prompt.parts[2] == "\n  two"


@pytest.mark.parametrize(
    "text",
    [
        f"flow f() -> int {{ budget {'9' * 400} usd return 1 }}",
        "flow f() -> int { budget 0 tokens return 1 }",
        f'tool t() -> int from "t.py" timeout {"9" * 400} s',
    ],
)
def test_numbers_that_no_machine_has_are_out_of_range(text: str) -> None:
    assert "out-of-range" in {d.code for d in compiled(text).diagnostics}


def test_names_of_steps_count_rebindings() -> None:
    body = (
        compiled("flow f() -> int { a = 1 a = a + 1 a = a + 1 return a }").program.flows["f"].body
    )
    assert [statement.node for statement in body] == ["a", "a@2", "a@3", "return"]
