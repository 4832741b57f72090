"""``neurectomy runs search``: events of one run that match a query, printed as they are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import (
    duration,
    finish,
    harmless,
    json_option,
    print_json,
    workspace_option,
)
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.cli.client import Client


@click.command("search", context_settings={"ignore_unknown_options": True})
@click.argument("run")
@click.argument("query", nargs=-1, required=True)
@click.option(
    "--limit", type=click.IntRange(min=1), default=1000, help="How many; 1000 by default."
)
@workspace_option
@json_option
def command(run: str, query: tuple[str, ...], limit: int, workspace: Path, as_json: bool) -> None:
    """Search RUN for events.

    QUERY holds words and fields, all of which must match: `tool:lookup error`, `agent:NAME`,
    `model:NAME`, `kind:tool.failed`, `step:draft`, `'cost>0.01'`, `'tokens>100'`, `'took>1s'`; a
    `-` before one turns it round, quotation marks keep words together.
    """
    text = " ".join(query)

    async def work() -> dict[str, Any]:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            matches: list[dict[str, Any]] = []
            after: int | None = 0
            page: dict[str, Any] = {"searched": 0, "head": found["head"]}
            while after is not None and len(matches) < limit:
                most = min(500, limit - len(matches))
                page = await client.call(
                    "search_run", run=found["id"], query=text, after=after, limit=most
                )
                matches += page["matches"]
                after = page["next"]
                if not as_json:
                    for match in page["matches"]:
                        click.echo(_line(match))
            return {
                "run": found["id"],
                "query": text,
                "matches": matches,
                "searched": page["searched"],
                "head": page["head"],
            }

    found = finish(work())
    if as_json:
        print_json(found)
    elif not found["matches"]:
        click.echo("nothing found", err=True)
    elif found["searched"] < found["head"]:
        click.echo(f"only the first {limit}; there may be more: --limit", err=True)


async def first_match(
    client: Client, run: str, query: str, after: int = 0
) -> dict[str, Any] | None:
    """The first event of a run after one that a query finds; null where there is none."""
    place: int | None = after
    while place is not None:
        page = await client.call("search_run", run=run, query=query, after=place, limit=1)
        if page["matches"]:
            match: dict[str, Any] = page["matches"][0]
            return match
        place = page["next"]
    return None


def _line(match: dict[str, Any]) -> str:
    time = duration(match["mono"])
    return f"{match['seq']:>8} {time:>10}  {match['kind']:22} {harmless(match['step'])}".rstrip()
