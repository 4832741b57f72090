"""Secret fields: a tool has the value, and nothing else has; it is asked for when it is gone."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from neurectomy.app.services import open_services
from neurectomy.core.errors import Conflict, InvalidInput
from neurectomy.language.compiler import compile_text
from neurectomy.runs.erasing import Wanted
from neurectomy.runs.forks import Changes
from neurectomy.server.context import Services
from neurectomy.tools.signatures import compare
from neurectomy.workspace.settings import Settings
from tests.redaction.kept import kept

pytestmark = pytest.mark.anyio

VALUE = 'Kiwi-"Marmalade"-77'
SETTINGS = Settings(durability="process")
MARK = re.compile(r"\[secret: [\w.\-]+\.[0-9a-f]{8}\]")

PROGRAM = """
type Login { user: str  password: secret str }
type Session { token: secret str  name: str }
tool enter(login: Login, pin: secret str? = null) -> Session from "tools.py"
tool use(token: secret str) -> str from "tools.py" idempotent
tool loose(value: json) -> str from "tools.py"
flow f(login: Login) -> str {
  session = enter(login)
  sure = ask human "Shall it go on?" -> bool
  parallel {
    one = use(session.token)
    two = use(login.password)
  }
  return "{{ one }}, {{ two }}, {{ session.name }}"
}
flow asked() -> str {
  token = ask human "Which token?" -> secret str
  said = use(token)
  return said
}
flow handed(any: json) -> str {
  said = use(any)
  return said
}
flow leaky(login: Login) -> str {
  said = loose(login)
  return said
}
"""
TOOLS = f"""
import json
import sys

def enter(login, pin=None):
    assert login["password"] == {VALUE[::-1]!r}[::-1]
    print("entered with", login["password"])
    return {{"token": "session-of-" + login["password"], "name": login["user"]}}

def use(token):
    print("used", token, json.dumps([token]))
    print(token, file=sys.stderr)
    if token.endswith("wrong"):
        raise ValueError("no such token: " + token)
    return f"{{len(token)}} characters of {{token}}"

def loose(value):
    return str(value)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request) -> Settings:
    url = request.getfixturevalue("database_url") if request.param == "postgres" else ""
    return Settings(durability="process", database_url=url)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "a.agent").write_text(PROGRAM)
    (folder / "tools.py").write_text(TOOLS)
    return folder


async def begun(services: Services, flow: str, **inputs: Any) -> str:
    row = await services.runs.start(services.programs.bundle("a.agent"), flow, inputs)
    await rested(services, row.id)
    return row.id


async def rested(services: Services, run: str) -> None:
    await asyncio.wait_for(services.runs.motions.wait(run), 60)


async def ended(services: Services, run: str) -> tuple[Any, Any]:
    await rested(services, run)
    row = await services.runs.row(run)
    assert row.status in ("finished", "failed"), row.status
    assert (await services.runs.replay(run)).agrees
    return await services.runs.result(row)


async def test_a_tool_has_the_secret_and_the_log_has_not(root: Path, settings: Settings) -> None:
    async with open_services(root, settings) as services:
        run = await begun(services, "f", login={"user": "ann", "password": VALUE})
        await services.runs.answer(run, "f/sure", True)
        value, _ = await ended(services, run)
        length, long = len(VALUE), len(f"session-of-{VALUE}")
        assert (
            MARK.sub("MARK", value)
            == f"{long} characters of MARK, {length} characters of MARK, ann"
        )
        events = str(await services.log.events(run))
        assert len(MARK.findall(events)) > 10
        assert VALUE not in events
        assert "Marmalade" not in events
        assert (await services.runs.row(run)).title == "f"
    assert VALUE.encode() not in await asyncio.to_thread(kept, root, settings.database_url)


async def test_after_a_restart_the_run_asks_for_what_it_needs_and_goes_on(
    root: Path, settings: Settings
) -> None:
    async with open_services(root, settings) as services:
        run = await begun(services, "f", login={"user": "ann", "password": VALUE})
    async with open_services(root, settings) as services:
        await services.runs.answer(run, "f/sure", True)
        await rested(services, run)
        row = await services.runs.row(run)
        assert row.status == "waiting"
        pending = services.log.whole_state(run, row.head)["pending"]
        assert {one["kind"] for one in pending.values()} == {"secret"}
        with pytest.raises(InvalidInput, match="needs a secret"):
            await services.runs.answer(run, "f/one", 5)
        await services.runs.answer(run, "f/one", "another")
        await services.runs.answer(run, "f/two", VALUE)
        value, _ = await ended(services, run)
        assert MARK.sub("MARK", value) == "7 characters of MARK, 19 characters of MARK, ann"
        kinds = [event.kind for event in await services.log.events(run)]
        assert kinds.count("tool.withheld") == 2
    stored = await asyncio.to_thread(kept, root, settings.database_url)
    assert VALUE.encode() not in stored
    assert b"characters of another" not in stored


async def test_who_does_not_give_it_lets_the_call_fail(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        run = await begun(services, "asked")
        await services.runs.answer(run, "asked/token", f"{VALUE}wrong")
        _, error = await ended(services, run)
        assert "no such token: [secret: token." in error["message"]
        events = await services.log.events(run)
        answered = next(event.seq for event in events if event.kind == "human.answered")
        fork = await services.runs.fork(run, answered)
        await rested(services, fork.id)
        await services.runs.answer(fork.id, "asked/said", None, decision="fail")
        _, error = await ended(services, fork.id)
        assert (error["code"], error["message"]) == ("secret", "nobody gave its secret")
    assert VALUE.encode() not in await asyncio.to_thread(kept, root)


async def test_a_fork_has_the_secrets_of_its_parent_or_its_own(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        run = await begun(services, "f", login={"user": "ann", "password": VALUE})
        head = (await services.runs.row(run)).head
        same = await services.runs.fork(run, head)
        own = Changes(bindings={"f": {"login": {"user": "bob", "password": "of the fork"}}})
        other = await services.runs.fork(run, head, own)
        told = []
        for fork in (same.id, other.id):
            await rested(services, fork)
            await services.runs.answer(fork, "f/sure", True)
            value, _ = await ended(services, fork)
            told.append(value.split(", ")[1].split()[0])
        assert told == [str(len(VALUE)), str(len("of the fork"))]
        again = Changes(value="given anew")
        asking = await begun(services, "asked")
        await services.runs.answer(asking, "asked/token", VALUE)
        await ended(services, asking)
        events = await services.log.events(asking)
        answered = next(e.seq for e in events if e.kind == "human.answered")
        third = await services.runs.fork(asking, answered, again)
        value, _ = await ended(services, third.id)
        assert value.startswith("10 characters")
    stored = await asyncio.to_thread(kept, root)
    assert VALUE.encode() not in stored
    assert b"of the fork" not in stored
    assert b"given anew" not in stored


HANDED_ON = """
type Login { user: str  password: secret str }
tool use(token: secret str) -> str from "tools.py" idempotent
flow f(tokens: list[secret str], login: Login) -> str {
  first = login.password
  second = first
  third = tokens[0]
  sure = ask human "Shall it go on?" -> bool
  said = map token in tokens { again = token  one = use(again)  yield one }
  two = use(second)
  return "{{ said }} {{ two }} {{ sure }} {{ third == null }}"
}
"""


async def test_a_secret_that_has_another_name_is_kept_when_a_fork_gets_another(root: Path) -> None:
    (root / "a.agent").write_text(HANDED_ON.replace(" {{ third == null }}", ""))
    login = {"user": "ann", "password": VALUE}
    async with open_services(root, SETTINGS) as services:
        run = await begun(services, "f", tokens=[VALUE, VALUE], login=login)
        own = {name: f"other {name}" for name in ("first", "second", "third")}
        head = (await services.runs.row(run)).head
        made = await services.runs.fork(run, head, Changes(bindings={"f": own}))
        await services.runs.answer(made.id, "f/sure", True)
        await ended(services, made.id)
        events = await services.log.events(made.id)
        item = next(e.seq for e in events if e.step == "f/said[0]")
        own = {"token": "other token"}
        made = await services.runs.fork(made.id, item, Changes(bindings={"f/said[0]": own}))
        await rested(services, made.id)
    assert b"other " not in await asyncio.to_thread(kept, root)


async def test_only_a_secret_stands_for_one(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        for given in ("plain text", "[secret: made.up]"):
            run = await begun(services, "handed", any=given)
            _, error = await ended(services, run)
            assert error["code"] == "secret"
            assert "use takes a secret as token" in error["message"]
        run = await begun(services, "handed", any="[secret: made.up.01234567]")
        assert (await services.runs.row(run)).status == "waiting"
        await services.runs.cancel(run)
        run = await begun(services, "leaky", login={"user": "ann", "password": VALUE})
        value, _ = await ended(services, run)
        assert VALUE not in value
        assert MARK.search(value)
        with pytest.raises(Conflict):
            await services.runs.answer(run, "leaky/said", VALUE)


async def test_a_run_that_does_not_come_to_be_leaves_no_secret_in_memory(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        broker = services.runs.motions.broker
        bundle = services.programs.bundle("a.agent")
        inputs = {"login": {"user": 5, "password": VALUE}}
        with pytest.raises(InvalidInput):
            await services.runs.start(bundle, "f", inputs)
        run = await begun(services, "f", login={"user": "ann", "password": VALUE})
        wrong = Changes(bindings={"f": {"login": {"user": 5, "password": VALUE}}})
        with pytest.raises(InvalidInput):
            await services.runs.fork(run, 1, wrong)
        assert list(broker._values) == [run]
        await services.runs.cancel(run)
        await rested(services, run)
        assert broker._values == {}


GIVEN = 'tool t(key: secret str) -> str from "t.py"\ntype L { key: secret str }\nmodel m = auto\n'
WRONG = {
    "flow f(key: secret str) -> str { return \"it is {{ key }}\" }": "secret str holds a secret",
    "flow f(l: L) -> str { return \"it is {{ l }}\" }": "L holds a secret, and a text does not",
    "flow f(l: L) -> str { return str(l) }": "str makes no text of a secret",
    "flow f(l: list[secret str]) -> str { return join(l, \",\") }": "join makes no text",
    "flow f(key: secret str) -> str { return key }": "this is secret str",
    "flow f(key: secret str) -> bool { return key == \"a\" }": "are never equal",
    "flow f() -> str { a = t(\"literal\")  return a }": "is secret str, and this is",
    "flow f(key: secret str = \"abc\") -> str { a = t(key)  return a }": "has no default",
    "flow f(key: secret int) -> int { return 1 }": "a secret is a text",
    "agent a(key: secret str) -> str { model m  prompt \"{{ key }}\" }": "holds a secret",
    "agent a(q: str) -> str { model m  tools t  prompt \"{{ q }}\" }": "cannot give t its secret",
    "agent a(q: str) -> L { model m  prompt \"{{ q }}\" }": "would have to know the secret",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_the_checker_refuses_what_would_tell_a_secret(text: str) -> None:
    found = [
        d.message
        for d in compile_text(GIVEN + text, "a.agent").diagnostics
        if d.severity == "error"
    ]
    assert len(found) == 1, found
    assert WRONG[text] in found[0]


def test_a_secret_is_a_text_to_the_tool(root: Path) -> None:
    tool = compile_text(GIVEN, "a.agent").program.tools["t"]
    assert compare(tool, "def t(key: str) -> str: ...") == []
    assert compare(tool, "def t(key: str | None) -> str: ...") == []
    [(_, message, _)] = compare(tool, "def t(key: int) -> str: ...")
    assert message == "key is secret str here and int in t"


def test_a_record_or_field_may_still_be_called_secret() -> None:
    text = (
        "type secret { secret: str }\n"
        "type Box { a: secret  str: int  secret: secret str? }\n"
        "flow f(b: Box) -> str { if b.secret == null { return \"none\" } return b.a.secret }\n"
    )  # fmt: skip
    assert [d.message for d in compile_text(text, "a.agent").diagnostics] == []


async def test_the_mark_of_a_secret_is_no_text_to_be_looked_for(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        run = await begun(services, "f", login={"user": "ann", "password": VALUE})
        await services.runs.answer(run, "f/sure", True)
        await ended(services, run)
        told = await services.runs.redact(run, Wanted(at=(1,)))
        assert told.events == [1]
