"""The first mistakes of people who come from other languages, each told with what to write."""

from __future__ import annotations

from inline_snapshot import snapshot

from tests.language.test_compiler import compiled, errors, in_flow

TAKES_T = "flow f(t: T) -> T { return t }"
PROMPT = """\
agent a(q: str, w: str) -> str {
  model auto
  prompt '''
    Answer {q} as {"a": 1}, with {w.x}, \\{q} and {{ w }}, not {other} and {{q}}.
  '''
}
flow f(q: str) -> str {
  r = a(q, q)
  return r
}
""".replace("'''", '"' * 3)


def told(text: str) -> str:
    """Each diagnostic with its place and its code, and its hint below."""
    return "".join(
        f"{d.line}:{d.column}-{d.end_column} {d.code}: {d.message}\n    {d.hint}\n"
        for d in compiled(text).diagnostics
        if (d.severity, d.code) != ("warning", "unused")
    )


def test_a_text_in_single_quotes() -> None:
    assert told(in_flow("return 'abc'")) == snapshot("""\
2:8-13 bad-token: a text stands in double quotes
    Write "abc".
""")


def test_an_apostrophe_alone() -> None:
    assert told(in_flow("a = don't\nreturn q")) == snapshot("""\
2:5-8 unknown-name: there is no don here
    In scope: q, n, x.
2:8-9 bad-token: `'` means nothing here
    A text stands in double quotes: "..."
""")


def test_elif() -> None:
    assert told(
        in_flow("if n > 1 { return q } elif n < 0 { return q } else { return q }")
    ) == snapshot("""\
2:23-27 syntax: `elif` is `else if` here
    Write: else if ... { ... }
""")


def test_signs_for_and_and_or() -> None:
    assert told(in_flow("if n > 0 && n < 5 || n == 9 { return q }\nreturn q")) == snapshot("""\
2:10-12 bad-token: `&&` means nothing here
    Write `and`.
2:19-21 bad-token: `||` means nothing here
    Write `or`.
""")


def test_a_sign_for_not() -> None:
    assert told(in_flow("if !(n == 3) { return q }\nreturn q")) == snapshot("""\
2:4-5 bad-token: `!` means nothing here
    Write `not`.
""")


def test_a_for_loop() -> None:
    assert told(in_flow("for w in [q] {\n  last = w\n}\nreturn last")) == snapshot("""\
2:1-4 expected: there is no statement `for`
    Go over a list with: results = map item in items { ... yield ... }
""")


def test_a_for_loop_of_python() -> None:
    assert told(in_flow("for w in [q]:\n  last = w\nreturn last")) == snapshot("""\
2:1-4 expected: there is no statement `for`
    Go over a list with: results = map item in items { ... yield ... }
""")


def test_a_while_loop() -> None:
    assert told(in_flow("a = 0\nwhile a < n {\n  a = a + 1\n}\nreturn q")) == snapshot("""\
3:1-6 expected: there is no statement `while`
    Every loop has a bound: repeat at most 10 times while ... { ... }
""")


def test_a_type_or_null() -> None:
    assert told(
        'type T { a: str | null  b: list[str] | None  c: "x" | null  d: str | int | null }\n'
        + TAKES_T
    ) == snapshot("""\
1:13-23 syntax: a type has no alternatives
    Write str?
1:28-44 syntax: a type has no alternatives
    Write list[str]?
1:49-59 syntax: a type has no alternatives
    Write "x"?
1:64-80 syntax: a type has no alternatives
    Only texts are alternatives; json takes any value.
""")


def test_optional() -> None:
    assert told(
        "type T { a: Optional[str]  b: list[Optional[list[int]]] }\n" + TAKES_T
    ) == snapshot("""\
1:13-25 syntax: a type has no Optional
    Write str?
1:36-54 syntax: a type has no Optional
    Write list[int]?
""")


def test_an_object_without_a_type() -> None:
    assert told('type T { x: int }\nflow f() -> T {\n  return {"x": 1}\n}') == snapshot("""\
3:10-11 expected-value: an object has a type
    Say of which type it is, and its fields without quotes: Type { x: ... }
""")


def test_fields_in_quotes() -> None:
    assert told('type T { x: int }\nflow f() -> T {\n  return T {"x": 1}\n}') == snapshot("""\
3:13-16 expected: a field's name has no quotes
    Leave the quotes out: x: ...
""")


def test_semicolons() -> None:
    assert told(in_flow("a = q; b = a;\nreturn b")) == snapshot("""\
2:6-7 bad-token: `;` means nothing here
    Begin a new line instead.
2:13-14 bad-token: `;` means nothing here
    Begin a new line instead.
""")


def test_semicolons_in_declarations() -> None:
    assert told("model m = auto;\ntype T { a: str; b: str }\n" + TAKES_T) == snapshot("""\
1:15-16 bad-token: `;` means nothing here
    Begin a new line instead.
2:16-17 bad-token: `;` means nothing here
    Begin a new line instead.
""")


def test_single_braces_in_a_prompt() -> None:
    assert told(PROMPT) == snapshot("""\
4:12-15 single-braces: {q} stands for these characters, and not for a value
    Did you mean {{ q }}?
4:34-39 single-braces: {w.x} stands for these characters, and not for a value
    Did you mean {{ w.x }}?
""")


def test_single_braces_in_a_flow() -> None:
    assert told(in_flow('return "{q}, {n.x} but not {zero}"')) == snapshot("""\
2:9-12 single-braces: {q} stands for these characters, and not for a value
    Did you mean {{ q }}?
2:14-19 single-braces: {n.x} stands for these characters, and not for a value
    Did you mean {{ n.x }}?
""")


def test_an_equals_sign_in_a_condition() -> None:
    assert told(in_flow("if n = 3 { return q }\nreturn q")) == snapshot("""\
2:6-7 syntax: `=` gives a name a value, and compares nothing
    Compare with `==`.
""")


def test_an_equals_sign_in_the_condition_of_a_loop() -> None:
    assert told(
        in_flow('repeat at most 3 times while n = 3 and q = "a" { n = 4 }\nreturn q')
    ) == snapshot("""\
2:32-33 syntax: `=` gives a name a value, and compares nothing
    Compare with `==`.
2:42-43 syntax: `=` gives a name a value, and compares nothing
    Compare with `==`.
""")


def test_values_of_python() -> None:
    assert told(
        "flow f(a: bool = True) -> bool {\n b = False\n if a == None { return b }\n  return true\n}"
    ) == snapshot("""\
1:18-22 not-constant: a value that is fixed is needed here
    Write true.
2:6-11 unknown-name: there is no False here
    Write false.
3:10-14 unknown-name: there is no None here
    Write null.
""")


def test_types_of_python() -> None:
    text = "flow f(a: string, b: List[str], c: dict) -> None {\n  return null\n}"
    assert told(text) == snapshot("""\
1:11-17 unknown-name: there is no type string
    Did you mean str?
1:22-26 unknown-name: there is no type List
    Did you mean list?
1:36-40 unknown-name: there is no type dict
    Did you mean map?
1:45-49 unknown-name: there is no type None
    Did you mean none?
""")


def test_a_block_without_braces() -> None:
    assert told(in_flow("if n > 3:\n  return q\nreturn q")) == snapshot("""\
2:9-10 expected: expected `{`, found `:`
    A block stands in braces.
""")


def test_what_an_error_brings_about_is_not_told_beside_it() -> None:
    text = """
    model m = auto
    tool t() -> str from "t.py"
    agent a(q: str) -> str {
      model m
      tolls t
      prompt "{{ q }}"
    }
    flow f(q: str, n: int) -> str {
      r = a(q) @
      for w in [r] { last = w  most = n }
      return last + mots
    }
    """
    assert [item.code for item in compiled(text).diagnostics] == [
        "unknown-option",
        "bad-token",
        "expected",
        "unknown-name",
    ]
    assert "there is no mots here" in [item.message for item in compiled(text).diagnostics]


def test_an_error_hides_nothing_in_other_declarations() -> None:
    text = "flow f() -> str { return @ }\nflow g(q: str) -> str {\n  a = qq\n}"
    assert errors(text) == ["1:26 bad-token", "2:6 no-return", "3:7 unknown-name"]


def test_braces_of_other_text_are_left_alone() -> None:
    assert told(in_flow('return "{{ q }} {a} {\\"q\\": 1} {} { q, n } \\{q}"')) == ""
