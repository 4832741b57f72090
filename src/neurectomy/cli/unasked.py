"""What a fork changes and never uses: nothing after its event asks that agent or model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.cli.search import first_match
from neurectomy.storage.port import ENDED

if TYPE_CHECKING:
    from neurectomy.cli.client import Client
    from neurectomy.cli.following import Run


async def unasked(client: Client, fork: Run, changes: dict[str, Any]) -> list[str]:
    """A line for each agent or model that is changed and that no event of a fork's own asks.

    Args:
        client: What drives it.
        fork: As it came out; one that has not ended may ask them yet, and has no lines.
        changes: As `read_changes` gives them.
    """
    if fork["status"] not in ENDED:
        return []
    lines = []
    for name in dict.fromkeys([*changes.get("prompts", {}), *changes.get("systems", {})]):
        # a prompt is rendered once, as its agent begins
        lines += await _line(client, fork, name, "step.started", [name])
    models = dict.fromkeys([*changes.get("models", {}), *changes.get("settings", {})])
    if models:
        agents = (await client.call("run_program", run=fork["id"]))["agents"]
        for model in models:
            users = [agent["name"] for agent in agents if agent["model"] == model]
            lines += await _line(client, fork, model, "model.requested", users)
    return lines


async def _line(client: Client, fork: Run, name: str, kind: str, agents: list[str]) -> list[str]:
    at, began = fork["parent"]["at"], list[int]()
    for agent in agents:
        if await first_match(client, fork["id"], f"kind:{kind} agent:{agent}", at) is not None:
            return []
        first = await first_match(client, fork["id"], f"kind:step.started agent:{agent}")
        began += [] if first is None else [first["seq"]]
    line = f"note: nothing after event {at} asked {name}"
    # event 1 has no event before it at which one could fork
    return [f"{line}; fork before it began: --at {max(1, min(began) - 1)}" if began else line]
