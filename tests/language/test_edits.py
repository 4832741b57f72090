"""Edits of a program's text: one thing is different, every other character is as it was."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurectomy.agents.evaluate import render_template
from neurectomy.core.errors import InvalidInput
from neurectomy.language.compiler import compile_text
from neurectomy.language.edits import prompt_of, with_model, with_prompt, with_setting

TEXT = '''# A comment that stays.
model reader = auto   # and another
model writer = "openai:small" { temperature 0.2 }

agent a(q: str) -> str {
  model reader   # the reader
  prompt """
    Answer {{ q }}.

      - indented
  """
  turns 3
}

agent b(q: str) -> str { model writer  system "Be \\"brief\\"."  prompt "Say {{ q }}" }

agent c(q: str) -> str { model auto  prompt "{{ q }}" }

flow f(q: str) -> str { x = a(q)  y = b(x)  z = c(y)  return z }
'''


def compiled(text: str = TEXT):
    made = compile_text(text, "a.agent")
    assert made.ok, made.diagnostics
    return made


def said(text: str, agent: str = "a") -> str:
    template = compiled(text).program.agents[agent].prompt
    return "".join(piece for piece, _ in render_template(template, lambda name: f"<{name}>"))


def test_a_prompt_is_shown_and_written_as_people_edit_it() -> None:
    assert prompt_of(compiled(), "a") == "Answer {{ q }}.\n\n  - indented"
    assert prompt_of(compiled(), "b", "system") == 'Be "brief".'
    made = with_prompt(compiled(), "a", "Think first.\n\n  {{ q }}\n")
    expected = '"""\n    Think first.\n\n      {{ q }}\n  """'
    start, end = TEXT.index('"""'), TEXT.index('"""', TEXT.index('"""') + 3) + 3
    assert made == TEXT[:start] + expected + TEXT[end:]
    assert said(made) == "Think first.\n\n  <q>"


@given(st.text(alphabet=st.sampled_from('ab \n\t"\\{}é#'), max_size=60))
def test_any_words_can_be_a_prompt(words: str) -> None:
    if "{{" in words:
        return
    wanted = textwrap.dedent(words).strip("\n").rstrip()
    made = compile_text(with_prompt(compiled(), "a", words), "a.agent")
    shown = prompt_of(made, "a")
    again = with_prompt(made, "a", shown)
    assert compile_text(again, "a.agent").program == made.program
    template = made.program.agents["a"].prompt
    plain = "".join(part for part in template.parts if isinstance(part, str))
    escapes = ("\\{", "\\}")
    if not any(escape in words for escape in escapes) and "\t" not in words:
        assert plain == wanted


def test_a_model_gets_another_source() -> None:
    made = with_model(compiled(), "reader", 'openai:"x\\y')
    assert made == TEXT.replace("= auto ", '= "openai:\\"x\\\\y" ', 1)
    assert with_model(compiled(), "writer", "offline") == TEXT.replace('"openai:small"', "offline")
    implicit = compiled(with_model(compiled(), "auto", "openai:large"))
    assert implicit.program.models["auto"].source == "openai:large"
    with pytest.raises(InvalidInput, match="no model nobody") as raised:
        with_model(compiled(), "nobody", "auto")
    assert "reader" in raised.value.hint


def test_a_model_gets_other_settings() -> None:
    made = with_setting(compiled(), "writer", "temperature", 0.7)
    assert made == TEXT.replace("temperature 0.2", "temperature 0.7")
    made = with_setting(compiled(), "writer", "max_tokens", 100)
    assert compiled(made).program.models["writer"].settings == {
        "max_tokens": 100,
        "temperature": 0.2,
    }
    made = with_setting(compiled(), "reader", "temperature", 1e-7)
    assert compiled(made).program.models["reader"].settings == {"temperature": 1e-7}
    made = with_setting(compiled(), "auto", "seed", 7)
    assert compiled(made).program.models["auto"].settings == {"seed": 7}
    wrong = [("heat", 1), ("temperature", "hot"), ("seed", True), ("top_p", -1)]
    wrong += [("max_tokens", 0.5), ("max_tokens", 0), ("seed", 1e30), ("temperature", 1e308)]
    for name, value in wrong:
        with pytest.raises(InvalidInput):
            with_setting(compiled(), "writer", name, value)
