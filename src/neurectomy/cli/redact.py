"""``neurectomy runs redact``: erase what was recorded, wherever it is repeated."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from neurectomy.cli.client import connect
from neurectomy.cli.inputs import read_text
from neurectomy.cli.options import (
    finish,
    harmless_data,
    json_option,
    print_json,
    workspace_option,
)
from neurectomy.cli.steps import counted
from neurectomy.cli.waiting import interactive, interruptible
from neurectomy.core.errors import InvalidInput
from neurectomy.workspace.root import find_root

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_REFUSED = 130
"""The exit code where somebody was asked and said no, as where they interrupt."""


@click.command("redact")
@click.argument("run")
@click.option(
    "--at", "at", type=int, multiple=True, metavar="SEQ", help="An event; may be given again."
)
@click.option(
    "--text", default="", help="Whatever holds this text; - reads it from standard input."
)
@click.option("--matching", default="", metavar="PATTERN", help="Whatever holds a match (RE2).")
@click.option("--value-of-step", "step", default="", metavar="STEP", help="What this step gave.")
@click.option("--reason", default="", help="Why; the run shows it from now on.")
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@workspace_option
@json_option
@click.pass_context
def command(
    context: click.Context,
    run: str,
    at: tuple[int, ...],
    text: str,
    matching: str,
    step: str,
    reason: str,
    dry_run: bool,
    yes: bool,
    workspace: Path,
    as_json: bool,
) -> None:
    """Erase from RUN what was recorded: events, and everything that repeats what they hold.

    Kept states, stored values, titles, labels and the runs that share the events are cleaned too.
    The chain of the log still holds, and a scar stays: who erased what, when and why.
    """
    piped = text == "-"
    if piped:
        text = read_text(None, "Send a text into it.").removesuffix("\n")
    if not (at or text or matching or step):
        hint = "Name events with --at, a text, a pattern with --matching, or --value-of-step."
        raise InvalidInput("nothing is said of what to redact", hint=hint)
    body = {"at": list(at), "text": text, "matching": matching, "step": step, "reason": reason}
    asking = not (dry_run or yes)
    terminal = _terminal(piped=piped) if asking and not as_json else None
    if asking and terminal is None:
        hint = "See what would go with --dry-run, then erase it with: --yes"
        raise InvalidInput("nobody is there who could be asked", hint=hint)

    async def work() -> Any:
        async with connect(find_root(workspace)) as client:
            found = await client.call("show_run", run=run)
            if dry_run or terminal is not None:
                told = await client.call("redact_run", {**body, "dry_run": True}, run=found["id"])
                if terminal is None:
                    return told
                _print(told)
                if not _confirmed(terminal):
                    return None
            return await client.call("redact_run", body, run=found["id"])

    told = finish(work())
    if told is None:
        click.echo("nothing was erased")
        context.exit(EXIT_REFUSED)
    if as_json:
        print_json(told)
    elif dry_run or yes:
        _print(told)
    else:
        _print_done(told)
        _print_remains(told)


def _terminal(*, piped: bool) -> IO[str] | None:
    """Where somebody sits who can be asked; null where nobody does.

    Where the text comes through a pipe, that is the terminal that the command was typed on.
    """
    if interactive():
        return sys.stdin
    try:
        return Path("/dev/tty").open("r", encoding="utf-8") if piped else None
    except OSError:
        return None


def _confirmed(terminal: IO[str]) -> bool:
    """Whether whoever sits there says yes."""
    click.echo("Erase this for good? [y/N]: ", nl=False, err=True)
    with interruptible():
        line = terminal.readline()
    return line.strip().lower() in ("y", "yes")


def _print(told: dict[str, Any]) -> None:
    told = harmless_data(told)
    verb = "would be erased" if told["dry_run"] else "erased"
    for line in _lines(told):
        click.echo(line)
    count = counted(len(told["events"]), "event")
    click.echo(click.style(f"{count} of this run {verb}", bold=True))
    _print_remains(told)


def _print_done(told: dict[str, Any]) -> None:
    """What was erased; what it is was told before somebody said yes."""
    parts = [counted(len(told["events"]), "event") + " erased"]
    parts += [counted(told["blobs"], "value")] if told["blobs"] else []
    click.echo(click.style(", ".join(parts), bold=True))


def _lines(told: dict[str, Any]) -> Iterator[str]:
    for one in told["runs"]:
        parts = (
            [f"event{'s' if len(one['events']) > 1 else ''} {_ranges(one['events'])}"]
            if one["events"]
            else []
        )
        parts += [counted(one["keyframes"], "kept state")] if one["keyframes"] else []
        parts += ["title or labels"] if one["title"] else []
        what = ", ".join(parts) or "only events that it shares"
        hidden = " (deleted, kept for its forks)" if one["hidden"] else ""
        yield f"{one['run'][-12:]}  {what}{hidden}"
    if told["blobs"]:
        yield counted(told["blobs"], "stored value")


def _print_remains(told: dict[str, Any]) -> None:
    told = harmless_data(told)
    for one in told["remains"]:
        click.echo(f"{click.style('remains', fg='yellow', bold=True)}: {one}")
    if told["not_searched"]:
        count = told["not_searched"]
        click.echo(f"{counted(count, 'text')} too short to be looked for elsewhere")


def _ranges(seqs: list[int]) -> str:
    """Numbers as people write them: 3, 7 to 9."""
    parts: list[list[int]] = []
    for seq in seqs:
        if parts and parts[-1][1] == seq - 1:
            parts[-1][1] = seq
        else:
            parts.append([seq, seq])
    told = [f"{first} to {last}" if last > first else f"{first}" for first, last in parts]
    return ", ".join([*told[:20], *([f"and {len(told) - 20} more"] if len(told) > 20 else [])])
