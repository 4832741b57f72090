"""A run followed to its end, or to a question, and how the command ends that followed it."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.options import harmless_data, print_json
from neurectomy.cli.waiting import EXIT_WAITING, ask, interactive, questions, told, where
from neurectomy.core.errors import RunFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from neurectomy.cli.client import Client

Run = dict[str, Any]
"""As the operations give it, with ``waiting``, its questions, where it waits for a person, and of
one that failed with ``agent``, the agent that did; null where something else failed."""

LATER = 100
"""Events at the end of a run among which its failure is looked for; notes may come after it."""


async def follow(
    client: Client,
    run: str,
    after: int = 0,
    *,
    asking: bool,
    answered: str = "",
    show: Callable[[dict[str, Any]], None] = lambda event: None,
) -> Run:
    """Follow a run until it has ended, or waits for a person.

    Args:
        client: What drives it.
        run: Its id.
        after: The last event that is known.
        asking: Whether what it asks is asked on the terminal, and it goes on with the answer.
        answered: The step that was answered just now: the run only waits once it took that in.
        show: Called with each event.
    """
    while True:
        after = await _watch(client, run, after, answered, show)
        found: Run = await client.call("show_run", run=run)
        if found["status"] == "failed":
            found["agent"] = await failed_agent(client, found)
        if found["status"] != "waiting":
            return found
        found["waiting"] = await questions(client, run)
        if not asking or not interactive() or not found["waiting"]:
            return found
        first = found["waiting"][0]
        if not await ask(client, run, first):
            return found
        answered = first["step"]


async def _watch(
    client: Client, run: str, after: int, answered: str, show: Callable[[dict[str, Any]], None]
) -> int:
    taken_in = not answered
    async with aclosing(client.follow(run, after)) as frames:
        async for frame in frames:
            for event in frame.get("events", ()):
                after = event["seq"]
                place = (event["kind"], event["step"])
                taken_in = taken_in or place == ("human.answered", answered)
                taken_in = taken_in or event["kind"] == "run.continued"
                show(event)
            if taken_in and frame.get("status") == "waiting":
                break
    return after


def conclude(found: Run, root: Path, *, as_json: bool) -> None:
    """End the command as the run came out: with its exit code, and with how to go on.

    Raises:
        RunFailed: It failed; where JSON is printed, the run itself says so.
    """
    context = click.get_current_context()
    if as_json:
        print_json(found)
    elif found["status"] == "waiting":
        for question in found["waiting"]:
            click.echo(f"\n{told(found['id'], question, root)}", err=True)
    if found["status"] == "waiting":
        context.exit(EXIT_WAITING)
    if found["status"] != "failed":
        return
    if as_json:
        context.exit(RunFailed.exit_code)
    error = harmless_data(found["error"] or {})
    look = f"Look at it with: neurectomy runs show {found['id']}{where(root)}"
    raise RunFailed(
        f"the run failed at {error.get('step') or found['flow']}: {error.get('message')}",
        hint=f"{error.get('hint') or look}\n{again(found, root)}",
        run=found["id"],
    )


async def failed_agent(client: Client, found: Run) -> str | None:
    """The agent whose step a run failed at; null where it was none."""
    step = (found["error"] or {}).get("step")
    if not step:
        return None
    last = max(0, found["head"] - LATER)
    page = await client.call("list_events", run=found["id"], after=last, limit=LATER)
    ended = [event["seq"] for event in page["events"] if event["kind"] == "run.failed"]
    if not ended:
        return None
    before = await client.call("show_state", run=found["id"], at=ended[-1] - 1)
    frame = before["state"]["frames"].get(step, {})
    return frame["callee"] if frame.get("kind") == "agent" else None


def again(found: Run, root: Path) -> str:
    """How to go on with a run that failed, which repeats nothing that has finished."""
    agent = found.get("agent")
    change = f" --set prompt.{agent}=@FILE" if agent else ""
    return f"Try it again with: neurectomy resume {found['id']}{change}{where(root)}"
