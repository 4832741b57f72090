"""Sources of models: what can be said of them without asking anybody."""

from __future__ import annotations

import pytest

from neurectomy.language import sources
from neurectomy.language.compiler import compile_text
from neurectomy.models.sources import PROVIDERS, RUNTIMES

AGENT = 'agent a() -> str { model %s prompt "x" }\nflow f() -> str { r = a() return r }\n'


def test_the_providers_are_those_that_models_are_found_with() -> None:
    assert (*PROVIDERS, *(runtime.name for runtime in RUNTIMES)) == sources.PROVIDERS


@pytest.mark.parametrize(
    ("source", "message", "hint"),
    [
        ('"gpt-9"', "gpt-9 has no provider", 'Did you mean "openai:gpt-9"?'),
        ('"claude-x"', "claude-x has no provider", 'Did you mean "anthropic:claude-x"?'),
        ('"opnai:gpt-5"', "there is no provider opnai", "Did you mean openai?"),
        ('"nothing:such"', "there is no provider nothing", "Write auto, offline, or"),
        ('"mine"', "mine has no provider", "Write auto, offline, or"),
        ('"openai:"', "the source names no model", "after the colon"),
        ("openai", "openai has no provider", 'such as "openai:name"'),
        ("ofline", "ofline has no provider", "Did you mean offline?"),
    ],
)
def test_a_source_without_a_known_provider_is_told(source: str, message: str, hint: str) -> None:
    (found,) = compile_text(f"model m = {source}\n{AGENT % 'm'}", "a.agent").diagnostics
    assert (found.code, found.line, found.column) == ("unknown-source", 1, 11)
    assert found.message == message
    assert hint in found.hint


@pytest.mark.parametrize("source", ['"openai:gpt-5"', '"ollama:qwen3:8b"', "auto", '"offline"'])
def test_a_source_with_a_known_provider_is_not_looked_up(source: str) -> None:
    assert compile_text(f"model m = {source}\n{AGENT % 'm'}", "a.agent").diagnostics == ()


@pytest.mark.parametrize("source", sources.BUILT_IN)
def test_an_agent_may_name_a_built_in_source(source: str) -> None:
    compiled = compile_text(AGENT % source, "a.agent")
    assert compiled.diagnostics == ()
    assert compiled.program.models[source].source == source
    declared = compile_text(f'model {source} = "openai:gpt-5"\n{AGENT % source}', "a.agent")
    assert declared.program.models[source].source == "openai:gpt-5"


def test_an_agent_names_a_model_and_not_its_source() -> None:
    found = compile_text(AGENT % '"openai:gpt-5"', "a.agent").diagnostics
    hint = 'Write auto, offline, or a name that is declared: model reader = "provider:name"'
    assert [item.hint for item in found if item.code == "expected"] == [hint]
    (wrong,) = compile_text(AGENT % "offlin", "a.agent").diagnostics
    assert wrong.hint == "Did you mean offline?"
