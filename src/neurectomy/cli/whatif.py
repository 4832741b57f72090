"""``neurectomy whatif``: a counterfactual experiment, every cell of which is a real fork."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.changes import read_changes
from neurectomy.cli.client import connect
from neurectomy.cli.options import (
    duration,
    finish,
    harmless,
    harmless_data,
    json_option,
    print_json,
    table,
    workspace_option,
)
from neurectomy.cli.steps import short
from neurectomy.core.errors import InvalidInput, NeurectomyError
from neurectomy.language.conditions import read_expression
from neurectomy.server.experimenting import SCORED
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.cli.client import Client
    from neurectomy.cli.inputs import Schema

POLL_SECONDS = 0.5

WIDEST = 41
"""Characters of a result in the table."""

MOST_ASKED = 50
"""Forks of a cell that are asked why they failed."""

_Told = tuple[tuple[dict[str, Any], NeurectomyError | None], list[str]]

Varied = tuple[str, list[str]]
"""A key of ``--set``, and the values that it takes."""


@click.command("whatif")
@click.argument("run")
@click.option("--at", type=int, required=True, help="The event after which every fork goes on.")
@click.option(
    "--vary",
    "varied",
    multiple=True,
    required=True,
    metavar="NAME=A,B,...",
    help="What is varied, with its values: a name as --set of fork takes it, or `model` or "
    "`prompt` where there is one. @FILE is a file's text; a JSON list may stand for A,B. May be "
    "given again: every value goes with every other.",
)
@click.option("--samples", type=int, default=1, help="Forks of each cell; 1 by default.")
@click.option("--budget", type=float, help="The most that all forks may cost, in US dollars.")
@click.option("--parallel", type=int, default=4, help="Forks at the same time; 4 by default.")
@click.option("--score", default="", help="A number or truth over `result`, such as result.passed.")
@workspace_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    run: str,
    at: int,
    varied: tuple[str, ...],
    samples: int,
    budget: float | None,
    parallel: int,
    score: str,
    workspace: Path,
    as_json: bool,
) -> None:
    """Fork RUN after an event in every way that --vary says, and compare what comes of it.

    Every cell of the table is a fork that can be looked at, replayed and compared. Intervals hold
    the true figure in 95 of 100 cases. What has ended stays when the command is interrupted.
    """
    if score:
        read_expression(score, SCORED)  # a mistake in it starts, and costs, nothing

    async def work() -> _Told:
        async with connect(find_root(workspace)) as client:
            parent = await client.call("show_run", run=run)
            detail = await client.call("run_program", run=parent["id"], at=at)
            cells = _cells([_varied(one, detail) for one in varied], parent["flow"], detail)
            body = {
                "at": at,
                "cells": cells,
                "samples": samples,
                "budget_usd": budget,
                "parallel": parallel,
            }
            begun = await client.call("start_whatif", body, run=parent["id"])
            names = {"run": parent["id"], "experiment": begun["id"]}
            try:
                found = await _watch(client, names, quiet=as_json)
            except BaseException:  # nobody looks at it any more, and it goes on to cost something
                with suppress(NeurectomyError):
                    await asyncio.shield(client.call("cancel_whatif", **names))
                raise
            return await _scored(client, names, found, score), await _problems(client, found)

    (found, misfit), problems = finish(work())
    if as_json:
        print_json({**found, **({"misfit": misfit.as_dict()} if misfit else {})})
    else:
        _print(harmless_data(found), harmless_data(problems))
        if misfit:
            click.echo(f"\nno scores: {harmless(misfit.message)}", err=True)
    if misfit:
        context.exit(InvalidInput.exit_code)


async def _scored(
    client: Client, names: dict[str, str], found: dict[str, Any], score: str
) -> tuple[dict[str, Any], NeurectomyError | None]:
    """An experiment with its scores; without them, and why, where the score fits no result."""
    if not score:
        return found, None
    try:
        return await client.call("show_whatif", **names, score=score), None
    except NeurectomyError as error:
        if error.code != InvalidInput.code:
            raise
        return found, error


async def _problems(client: Client, found: dict[str, Any]) -> list[str]:
    """Of each cell the error that most of its forks failed with; empty where none did."""
    most_frequent = []
    for cell in found["cells"]:
        errors = Counter[str]()
        if cell["finished"] and cell["finished"]["value"] < 1:
            for run in cell["runs"][:MOST_ASKED]:
                error = (await client.call("show_run", run=run))["error"]
                errors.update([error["message"]] if error else [])
        told = errors.most_common(1)
        most_frequent.append(f"{told[0][1]}x {told[0][0]}" if told else "")
    return most_frequent


async def _watch(client: Client, names: dict[str, str], *, quiet: bool) -> dict[str, Any]:
    told = -1
    while True:
        found: dict[str, Any] = await client.call("show_whatif", **names)
        if found["resting"] != told and not quiet and found["planned"]:
            told = found["resting"]
            spent = f"${found['spent_nanos'] / 1e9:.4f}"
            click.echo(f"{told} of {found['planned']} forks, {spent}", err=True)
        if found["status"] != "running":
            return found
        await asyncio.sleep(POLL_SECONDS)


def _varied(text: str, detail: dict[str, Any]) -> Varied:
    """One ``--vary``.

    Raises:
        click.UsageError: It has no ``=``, or no values.
    """
    key, separator, given = text.partition("=")
    if not separator or not given:
        raise click.UsageError(f"write NAME=A,B and not {text}")
    key, values = _whole_key(key, detail), _values(given)
    prose = key.startswith(("prompt.", "system.")) and not given.startswith("[")
    if prose and len(values) > 1 and not all(one.startswith("@") for one in values):
        # a comma of a sentence would make two prompts of one, each of them paid for
        hint = f"""Name files, {key}=@a.txt,@b.txt, or give a list: '{key}=["...", "..."]'"""
        raise InvalidInput(f"commas in {key} are part of the text or part it", hint=hint)
    return key, values


def _values(given: str) -> list[str]:
    if given.startswith("["):
        try:
            items = json.loads(given)
        except ValueError:
            items = None
        if isinstance(items, list) and items:
            return [one if isinstance(one, str) else json.dumps(one) for one in items]
    return given.split(",")


def _whole_key(key: str, detail: dict[str, Any]) -> str:
    """The key of ``--set`` that a bare ``model`` or ``prompt`` stands for.

    Raises:
        InvalidInput: There is not exactly one.
    """
    if key not in ("model", "prompt"):
        return key
    kind = "models" if key == "model" else "agents"
    names = [one["name"] for one in detail[kind]]
    if len(names) == 1:
        return f"{key}.{names[0]}"
    hint = " or ".join(f"--vary {key}.{name}=..." for name in names[:4])
    raise InvalidInput(f"the program has {len(names)} {kind}", hint=f"Say which: {hint}")


def _cells(varied: list[Varied], flow: str, detail: dict[str, Any]) -> list[dict[str, Any]]:
    schemas: dict[str, Schema] = {one["name"]: one["parameters"] for one in detail["flows"]}
    cells = []
    for values in itertools.product(*(values for _, values in varied)):
        pairs = [(key, value) for (key, _), value in zip(varied, values, strict=True)]
        changes = read_changes(
            tuple(f"{key}={value}" for key, value in pairs), flow, schemas.get(flow, {})
        )
        cells.append({"names": dict(pairs), "changes": changes})
    return cells


def _print(found: dict[str, Any], problems: list[str]) -> None:
    names = list(found["cells"][0]["names"]) if found["cells"] else []
    scored = any(cell["score"] for cell in found["cells"])
    head = [*names, "finished", *(["score"] if scored else []), "cost", "time", "most often"]
    rows = []
    for cell in found["cells"]:
        outcome = cell["outcomes"][0] if cell["outcomes"] else None
        rows.append(
            [
                *(cell["names"][name] for name in names),
                _figure(cell["finished"], lambda value: f"{100 * value:.0f} %"),
                *([_figure(cell["score"], lambda value: f"{value:.3g}")] if scored else []),
                _figure(cell["cost_nanos"], lambda value: f"${value / 1e9:.4f}"),
                _figure(cell["took_us"], duration),
                f"{outcome['count']}x {_answer(outcome['value'])}" if outcome else "",
            ]
        )
    if rows:
        click.echo(table(rows, head))
    for cell, problem in zip(found["cells"], problems, strict=True):
        label = ", ".join(f"{name}={value}" for name, value in cell["names"].items())
        click.echo(click.style(f"\n{label}", dim=True))
        click.echo(click.style(f"  {' '.join(one[-12:] for one in cell['runs'])}", dim=True))
        if problem:
            click.echo(f"  {click.style('failed', fg='red')} {short(problem)}")
    if pair := _pair(found["cells"]):
        click.echo(f"\ncompare two: neurectomy diff {' '.join(pair)}")
    told = {"budget": "the budget does not allow for more", "stopped": "it was not finished"}
    if found["status"] in told:
        click.secho(
            f"\n{told[found['status']]}: {found['resting']} of {found['planned']}", bold=True
        )


def _pair(cells: list[dict[str, Any]]) -> list[str]:
    """Two forks to compare: of two cells where there are as many."""
    firsts = [cell["runs"][0][-12:] for cell in cells if cell["runs"]]
    if len(firsts) < 2 and cells:
        firsts = [run[-12:] for run in cells[0]["runs"]]
    return firsts[:2] if len(firsts) >= 2 else []


def _answer(value: Any) -> str:
    """A result in a cell of the table, so that one can be told from another.

    Records of one type differ least where they begin: their first text says more.
    """
    if isinstance(value, dict) and "$blob" not in value:
        value = next((one for one in value.values() if isinstance(one, str) and one), value)
    text = short(value, 1_000_000)
    half = (WIDEST - 3) // 2
    return text if len(text) <= WIDEST else f"{text[:half]}...{text[-half:]}"


def _figure(figure: dict[str, Any] | None, write: Any) -> str:
    if figure is None:
        return ""
    if figure["low"] == figure["high"]:
        return str(write(figure["value"]))
    return f"{write(figure['value'])} [{write(max(0, figure['low']))}, {write(figure['high'])}]"
