"""``neurectomy runs label``: what people call a run; ``keep=yes`` keeps it for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import (
    finish,
    harmless_data,
    json_option,
    print_json,
    workspace_option,
)
from neurectomy.core.errors import InvalidInput
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from pathlib import Path


@click.command("label")
@click.argument("run")
@click.argument("labels", nargs=-1, metavar="[NAME=VALUE]...")
@workspace_option
@json_option
def command(run: str, labels: tuple[str, ...], workspace: Path, as_json: bool) -> None:
    """Label RUN, besides the labels that it has; NAME= removes one. Without any, list them.

    `keep=yes` keeps a run that the rules of `runs gc` would delete.
    """
    given = dict(_pair(text) for text in labels)

    async def work() -> Any:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            if not given:
                return found
            merged = {**found["labels"], **given}
            body = {"labels": {name: value for name, value in merged.items() if value}}
            return await client.call("label_run", body, run=found["id"])

    found = finish(work())
    if as_json:
        print_json(found)
        return
    for name, value in harmless_data(found["labels"]).items():
        click.echo(f"{name}={value}")
    if not found["labels"]:
        click.echo("no labels", err=True)


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise InvalidInput(f"{text} is no label", hint="Write NAME=VALUE, or NAME= to remove it.")
    return name, value
