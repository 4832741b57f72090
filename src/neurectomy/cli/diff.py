"""``neurectomy diff``: two runs beside each other, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.comparison import describe
from neurectomy.cli.options import finish, harmless_data, json_option, print_json, workspace_option
from neurectomy.core.errors import InvalidInput, NeurectomyError
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.cli.client import Client

    Data = dict[str, Any]

EXIT_DIFFERENT = 1
"""The exit code where two runs differ, as that of diff(1)."""

MOST_DETAILED = 200
"""Steps whose differences are told in full, unless all are asked for."""

MOST_BYTES = 100_000
"""Bytes of a value that is stored apart, up to which it is compared word by word."""

PAGE = 1000


@click.command("diff")
@click.argument("a")
@click.argument("b", required=False)
@click.option("--all", "everything", is_flag=True, help="Tell what is the same, too.")
@workspace_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    a: str,
    b: str | None,
    everything: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Compare the runs A and B; with A alone, a fork with the run that it continues.

    Steps are the same step where their paths are; what moved is found by what it calls. Time, cost
    and tokens are told, and make no difference by themselves. Ends with 0 where nothing differs,
    with 1 where something does.
    """

    async def work() -> Data:
        async with connect(find_root(workspace)) as client:
            first, second = await _runs(client, a, b)
            found = await _whole(client, first, second, "all" if everything else "different")
            most = len(found["pairs"]) if everything else MOST_DETAILED
            differing = [pair for pair in found["pairs"] if pair["differs"]]
            for pair in differing[:most]:
                pair["detail"] = await _detail(client, found, pair)
            for change in found["state"]:
                for side in ("a", "b"):
                    change[side] = await _resolved(client, change[side])
            return found

    found = finish(work())
    if as_json:
        print_json(found)
    else:
        for line in describe(harmless_data(found), whole=everything):
            click.echo(line)
    context.exit(0 if found["same"] else EXIT_DIFFERENT)


async def _runs(client: Client, a: str, b: str | None) -> tuple[str, str]:
    """The ids of the two runs that are meant."""
    first = await client.call("show_run", run=a)
    if b is not None:
        return first["id"], (await client.call("show_run", run=b))["id"]
    if first["parent"] is None:
        message = f"{first['id']} is no fork, so there is no other run to compare it with"
        raise InvalidInput(message, hint=f"Name one: neurectomy diff {a} RUN")
    return first["parent"]["run"], first["id"]


async def _whole(client: Client, a: str, b: str, steps: str) -> Data:
    """A comparison with all of its pages."""
    arguments = {"a": a, "b": b, "steps": steps, "limit": PAGE}
    found: Data = await client.call("compare_runs", **arguments)
    while found["next"] is not None:
        page = await client.call("compare_runs", **arguments, after=found["next"])
        found["pairs"] += page["pairs"]
        found["next"] = page["next"]
    return found


async def _detail(client: Client, found: Data, pair: Data) -> Data:
    """Both sides of a pair in full."""
    sides: Data = {}
    for side in ("a", "b"):
        step = pair[side]
        detail = await client.call(
            "show_step",
            run=found[side]["run"],
            path=step["path"],
            start=step["start"] or 0,
            end=step["end"] or 0,
        )
        told = {**detail["given"], **detail["gave"]}
        if detail["problem"]:
            told["unreadable"] = detail["problem"]
        sides[side] = await _resolved(client, told)
    return sides


async def _resolved(client: Client, value: Any) -> Any:
    """A value with what is stored apart in its place, unless that is very large."""
    if isinstance(value, dict):
        if "$blob" in value:
            if value["bytes"] > MOST_BYTES:
                return f"{value['bytes']} bytes, {value['$blob'][:12]}"
            try:
                return await client.call("show_blob", digest=value["$blob"])
            except NeurectomyError as error:  # what is missing hides nothing else
                return f"{value['bytes']} bytes that cannot be read: {error.message}"
        return {key: await _resolved(client, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [await _resolved(client, inner) for inner in value]
    return value
