"""``neurectomy run``: run a flow, print its steps as they happen, then its answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.options import (
    convert,
    duration,
    finish,
    harmless,
    json_option,
    parse_inputs,
    print_json,
)
from neurectomy.core.errors import InvalidInput, RunFailed
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from neurectomy.cli.client import Client

QUIET = frozenset({"branch.taken", "loop.left", "timer.fired", "model.requested"})
"""Kinds that the steps leave out."""


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("program", type=click.Path(path_type=Path))
@click.option("--flow", default="", help="The flow; needed where the program has several.")
@click.option("-i", "--input", "pairs", multiple=True, help="An input, as name=value.")
@click.option("--inputs", help="All inputs as a JSON object; - reads it from standard input.")
@click.option("--quiet", is_flag=True, help="Print the answer only.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    program: Path,
    flow: str,
    pairs: tuple[str, ...],
    inputs: str | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run PROGRAM. Each input is an option too, such as --question "How ...?"."""
    root = find_root(program)
    path = str(program.resolve().relative_to(root))

    async def work() -> None:
        async with connect(root, create=True) as client:
            detail = await client.call("show_program", path=path)
            flows = {one["name"]: one for one in detail["flows"]}
            chosen = flow or (next(iter(flows)) if len(flows) == 1 else "")
            schema = flows[chosen]["parameters"] if chosen in flows else {}
            values = _inputs(context.args, pairs, inputs, schema)
            body = {"program": path, "flow": chosen, "inputs": values}
            run = await client.call("start_run", body)
            if not quiet and not as_json:
                click.echo(f"run {run['id']}", err=True)
            await _watch(client, run["id"], show=not quiet and not as_json)
            _report(await client.call("show_run", run=run["id"]), as_json=as_json)

    finish(work())


def _inputs(
    extra: list[str], pairs: tuple[str, ...], given: str | None, schema: dict[str, Any]
) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if given is not None:
        try:
            values = json.loads(sys.stdin.read() if given == "-" else given)
        except ValueError as error:
            raise InvalidInput(f"--inputs is no JSON: {error}", hint="Quote it.") from None
        if not isinstance(values, dict):
            raise InvalidInput("--inputs is no JSON object", hint='Write {"name": value}.')
    values |= parse_inputs(pairs, schema)
    waiting = list(extra)
    while waiting:
        option = waiting.pop(0)
        name, separator, text = option.removeprefix("--").partition("=")
        if not option.startswith("--") or not name:
            raise click.UsageError(f"{option} is not expected here")
        if not separator:
            if not waiting:
                raise click.UsageError(f"{option} needs a value")
            text = waiting.pop(0)
        values[name.replace("-", "_")] = convert(name.replace("-", "_"), text, schema)
    return values


async def _watch(client: Client, run: str, *, show: bool) -> None:
    """Follow a run until it ends or waits for a person; a second interrupt leaves it running."""
    import asyncio

    try:
        async for frame in client.follow(run):
            for event in frame.get("events", ()):
                if show:
                    _print_step(event)
                if event["kind"] == "human.asked":
                    _print_question(run, event)
            if frame.get("status") == "waiting":
                return
    except asyncio.CancelledError:
        await asyncio.shield(_cancel(client, run))
        click.echo(f"\ncancelled; look at it with: neurectomy runs show {run}", err=True)
        raise


async def _cancel(client: Client, run: str) -> None:
    """Cancel a run and wait until it has stopped."""
    import asyncio

    await client.call("cancel_run", run=run)
    async with asyncio.timeout(10):
        async for _ in client.follow(run):
            pass


def _print_step(event: dict[str, Any]) -> None:
    kind, step, data = event["kind"], event["step"], event["data"] or {}
    if kind in QUIET or kind.startswith("run."):
        return
    mark, colour, text = _described(kind, data)
    clock = duration(event["mono"])
    line = f"{clock:>8}  {click.style(mark, fg=colour)} {step}"
    click.echo(f"{line}  {click.style(text, dim=True)}" if text else line, err=True)


def _described(kind: str, data: dict[str, Any]) -> tuple[str, str, str]:
    match kind:
        case "step.started":
            return "▸", "cyan", data["callee"] or data["kind"]
        case "step.finished":
            return "✓", "green", _short(data.get("value"))
        case "model.responded":
            calls = ", ".join(call["tool"] for call in _calls(data["message"]))
            return "◆", "blue", f"{data['model']}{f' calls {calls}' if calls else ''}"
        case "tool.requested":
            return "▸", "cyan", _short(data["arguments"])
        case "tool.returned":
            return "✓", "green", f"{duration(data['took_us'])}"
        case "step.failed" | "tool.failed" | "model.failed":
            return "✗", "red", _short(data["error"]["message"].split("\n")[0])
        case "call.rejected" | "answer.rejected":
            return "↺", "yellow", data["problem"]
        case "loop.entered":
            return "↻", "yellow", f"again, {data['iteration'] + 1}"
        case "value.bound":
            return "=", "white", _short(data["value"])
        case _:
            return "·", "white", ""


def _calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = message.get("calls", [])
    return calls


def _short(value: Any) -> str:
    if isinstance(value, dict) and "$blob" in value:
        return f"{value['bytes']} bytes"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = harmless(" ".join(text.split()))
    return text if len(text) <= 90 else f"{text[:87]}..."


def _print_question(run: str, event: dict[str, Any]) -> None:
    click.echo(
        f"\n{click.style('?', fg='magenta', bold=True)} {event['data']['question']}", err=True
    )
    click.echo(f"  answer with: neurectomy runs answer {run} {event['step']} VALUE", err=True)


def _report(run: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(run)
    elif run["status"] == "finished":
        click.echo("", err=True)
        click.echo(readable(run["result"]))
        click.echo(_accounts(run), err=True)
    if run["status"] == "failed":
        error = run["error"] or {}
        raise RunFailed(
            f"the run failed at {error.get('step') or run['flow']}: {error.get('message')}",
            hint=error.get("hint") or f"Look at it with: neurectomy runs show {run['id']}",
            run=run["id"],
        )


def readable(value: Any, indent: str = "") -> str:
    """A value for people: texts as they are, records by field, lists by line."""
    if isinstance(value, str):
        return harmless(value)
    if isinstance(value, dict):
        parts = []
        for key, inner in value.items():
            text = readable(inner, indent + "  ")
            name = click.style(key, bold=True)
            nested = isinstance(inner, dict | list) and inner
            parts.append(f"{indent}{name}:\n{text}" if nested else f"{indent}{name}: {text}")
        return "\n".join(parts)
    if isinstance(value, list):
        return "\n".join(f"{indent}- {readable(item, indent + '  ').lstrip()}" for item in value)
    return json.dumps(value, ensure_ascii=False)


def _accounts(run: dict[str, Any]) -> str:
    accounts = run["accounts"]
    taken = duration((run["ended"] or run["created"]) - run["created"])
    cost = f"${accounts['cost_nanos'] / 1e9:.4f}"
    if accounts["unpriced_requests"]:
        cost += f" and {accounts['unpriced_requests']} requests of unknown price"
    tokens = accounts["input_tokens"] + accounts["output_tokens"]
    text = (
        f"\n{taken}, {accounts['model_requests']} model requests, "
        f"{accounts['tool_calls']} tool calls, {tokens} tokens, {cost}"
    )
    return click.style(text, dim=True)
