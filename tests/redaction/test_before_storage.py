"""Secrets in every place where a value can enter: none reaches the disk, a model or a stream."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from neurectomy.app.services import open_services
from neurectomy.core.errors import InvalidInput
from neurectomy.redaction.rules import Rules
from neurectomy.runs.forks import Changes
from neurectomy.workspace.settings import Settings, read_settings
from tests.models.provider import provider
from tests.redaction.kept import kept

pytestmark = pytest.mark.anyio

BODY = "Zq1W2e3R4t5Y6u7I8o9P0aSdFgHjKl"
KEY = f"sk-{BODY}"

PROGRAM = """
model m = "ollama:small"
type Login { user: str  password: str }
tool leak(question: str) -> Login from "tools.py"
tool broken(api_key: str) -> str from "tools.py"
agent helper(question: str, login: Login) -> str {
  model m
  tools leak, broken
  prompt "{{ question }} {{ login }}"
}
flow f(question: str, login: Login) -> str {
  said = helper(question, login)
  who = ask human "Who, {{ said }}?" -> str
  return "{{ who }} {{ said }}"
}
tool count() -> Count from "tools.py"
type Count { token: int }
flow typed() -> int {
  found = count()
  return found.token
}
flow given(token: int) -> int { return token }
"""
TOOLS = f"""
import sys

KEY, PASSWORD = "-ks"[::-1] + "{BODY[::-1]}"[::-1], "{"hunter2"[::-1]}"[::-1]

def leak(question):
    print(KEY, "on its way")
    print(KEY, file=sys.stderr)
    print("plain " * 2000, KEY)
    return {{"user": "me", "password": PASSWORD}}

def broken(api_key):
    raise ValueError("refused: " + KEY + api_key)

def count():
    return {{"token": 17}}
"""
"""Its secrets are written backwards: the program's text is no value of a run."""


@pytest.fixture(params=["sqlite", "postgres"])
def database(request) -> str:
    return request.getfixturevalue("database_url") if request.param == "postgres" else ""


@pytest.fixture
def server(monkeypatch):
    with provider() as running:
        monkeypatch.setenv("OLLAMA_HOST", running.address)
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "a.agent").write_text(PROGRAM)
    (folder / "tools.py").write_text(TOOLS)
    return folder


def _call(name: str, **arguments: Any) -> list[dict[str, Any]]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    call = {"index": 0, "id": "c", "type": "function", "function": function}
    return [{"content": f"I use {KEY} "}, {"content": "now so as"}, {"tool_calls": [call]}]


def _pieces(text: str) -> list[dict[str, Any]]:
    return [{"content": text[at : at + 5]} for at in range(0, len(text), 5)]


async def test_a_secret_that_enters_anywhere_is_nowhere(
    root: Path, database: str, server: Any
) -> None:
    told = f'It is {KEY}, or {{"password": "hunter2"}}. So be it, as they say of it.'
    server.answers = [
        _call("leak", question=f"with {KEY}"),
        _call("broken", api_key="hunter2"),
        _pieces(told),
    ]
    settings = Settings(durability="process", database_url=database)
    deltas: list[Any] = []
    async with open_services(root, settings) as services:
        runs = services.runs
        inputs = {"question": f"Say {KEY}", "login": {"user": "me", "password": "hunter2"}}
        bundle = services.programs.bundle("a.agent")
        row = await runs.start(
            bundle, "f", inputs, title=f"with {KEY}", labels={"key": KEY, "password": "hunter2"}
        )
        with runs.motions.deltas.subscribe(row.id) as subscription:
            await asyncio.wait_for(runs.motions.wait(row.id), 30)
            deltas += await subscription.wait()
        assert (await runs.row(row.id)).status == "waiting"
        await runs.label(row.id, {"key": KEY, "password": "hunter2"})
        await runs.answer(row.id, "f/who", f"me, {KEY}")
        await asyncio.wait_for(runs.motions.wait(row.id), 30)
        row = await runs.row(row.id)
        result, error = await runs.result(row)
        assert error is None
        changes = Changes(inputs={"question": f"again {KEY}"})
        fork = await runs.fork(row.id, 1, changes, start=False, labels={"password": "hunter2"})
        answered = next(
            e.seq for e in await services.log.events(row.id) if e.kind == "human.answered"
        )
        told_again = await runs.fork(row.id, answered, Changes(value=f"no, {KEY}"), start=False)
        bound = Changes(bindings={"f": {"said": f"bound {KEY}"}})
        rebound = await runs.fork(row.id, answered - 1, bound, start=False)
        forks = (fork.id, told_again.id, rebound.id)
        events = [await services.log.events(run) for run in (row.id, *forks)]
        assert (await runs.replay(row.id)).agrees
        for one in forks:
            assert (await runs.replay(one)).agrees
        state = services.log.whole_state(fork.id, fork.head)
    mark = "[redacted: OpenAI key]"
    password = '{"password":"[redacted: password]"}'
    said = f"It is {mark}, or {password}. So be it, as they say of it."
    assert result == f"me, {mark} {said}"
    assert state["inputs"]["question"] == f"again {mark}"
    assert "".join(delta.text for _, delta in deltas).endswith(said)
    sent = json.dumps(server.asked)
    assert sent.count(mark) > 3
    stored = kept(root, database)
    assert stored.count(mark.encode()) > 10
    for place in (str(events), str(deltas), sent, stored.decode("utf-8", "replace")):
        assert "hunter2" not in place
        assert BODY not in place


async def test_a_secret_where_its_type_allows_no_mark_fails_the_call(root: Path) -> None:
    async with open_services(root, Settings(durability="process")) as services:
        row = await services.runs.start(services.programs.bundle("a.agent"), "typed", {})
        await asyncio.wait_for(services.runs.motions.wait(row.id), 30)
        _, error = await services.runs.result(await services.runs.row(row.id))
        assert error is not None
        assert error["code"] == "redacted"
        assert "count returned a secret where none can be left out" in error["message"]
        with pytest.raises(InvalidInput, match="expected int"):
            await services.runs.start(services.programs.bundle("a.agent"), "given", {"token": 5})


async def test_what_a_provider_says_of_a_key_is_redacted(root: Path, server: Any) -> None:
    server.answers = [401]
    server.refusal = f"Incorrect API key provided: {KEY}"
    async with open_services(root, Settings(durability="process")) as services:
        inputs = {"question": "x", "login": {"user": "a", "password": "b"}}
        row = await services.runs.start(services.programs.bundle("a.agent"), "f", inputs)
        await asyncio.wait_for(services.runs.motions.wait(row.id), 30)
        _, error = await services.runs.result(await services.runs.row(row.id))
    assert error is not None
    assert "[redacted: OpenAI key]" in error["message"]
    assert BODY not in error["message"]


def test_rules_of_the_user_and_of_the_folder_count_both(root: Path) -> None:
    own = root.parent / "own"
    own.mkdir()
    (own / "neurectomy.toml").write_text('[redaction]\nkeys = ["pin"]\npatterns = ["ACME-[0-9]+"]')
    (root / "neurectomy.toml").write_text('[redaction]\nkeys = ["code"]\ndefaults = false')
    found = read_settings(root, {"NEURECTOMY_HOME": str(own)}).redaction
    assert found == Rules(("pin", "code"), ("ACME-[0-9]+",), defaults=False)


@pytest.mark.parametrize("table", ["keys = 5", 'names = ["x"]', "patterns = [3]"])
def test_a_table_that_cannot_be_is_refused(root: Path, table: str) -> None:
    (root / "neurectomy.toml").write_text(f"[redaction]\n{table}")
    with pytest.raises(InvalidInput, match="a setting is wrong"):
        read_settings(root, {"NEURECTOMY_HOME": str(root.parent)})


async def test_a_pattern_that_cannot_be_used_opens_nothing(root: Path) -> None:
    settings = Settings(redaction=Rules(patterns=("(",)))
    with pytest.raises(InvalidInput, match="cannot be used"):
        async with open_services(root, settings):
            pass
    assert not (root / ".neurectomy").exists()
