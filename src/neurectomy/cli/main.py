"""The command line: one module per command, loaded when it is called."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import Any

import click

COMMANDS = {
    "serve": "Open a workspace in the browser.",
    "run": "Run a flow and print its steps and its answer.",
    "runs": "List, show, search, answer, pause, change, note, redact, export runs.",
    "check": "Check programs.",
    "whatif": "Fork a run many ways at once and compare the figures.",
    "new": "Start a workspace with a small agent.",
    "doctor": "Say what works here and whether the log is sound; mend it.",
    "replay": "Compute a run's decisions again and compare.",
    "resume": "Go on with a run after a crash, a stop or a failure of the machine.",
    "restore": "Write a run's files of a moment into a folder.",
    "apply": "Merge what a run has changed into the folder of its program.",
    "fork": "Go on from a moment of a run in another way.",
    "diff": "Compare two runs step by step.",
}
"""Names and the lines of ``--help``, so that help loads nothing."""

EPILOG = """\b
Exit codes: 0 done, 1 two runs differ, 2 wrong input, 3 program with errors, 4 not found,
5 not possible now, 6 not available here, 7 refused, 8 the run failed, 9 a replay differs,
10 storage, 11 the run waits for a person, 130 interrupted."""


class Lazy(click.Group):
    """Loads a command's module when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"neurectomy.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            from neurectomy.core.errors import InvalidInput

            close = get_close_matches(args[0], COMMANDS, 1)
            hint = f"Did you mean {close[0]}?" if close else "See: neurectomy --help"
            raise InvalidInput(f"there is no command {args[0]}", hint=hint)
        return super().resolve_command(ctx, args)


@click.command(cls=Lazy, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="neurectomy", message="%(version)s")
def cli() -> None:
    """Design, run and rewind AI agents: plain text, one run log, time travel."""


def main() -> None:
    """Run the command line; errors become one sentence, a hint and an exit code."""
    colour = _colour()
    try:
        _check_words()
        code = cli.main(prog_name="neurectomy", standalone_mode=False, color=colour)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        click.echo("error: what is printed finds no space", err=True)
        sys.exit(10)
    except Exception as error:
        from neurectomy.core.errors import NeurectomyError

        told = _misuse(error) if isinstance(error, click.ClickException) else error
        if not isinstance(told, NeurectomyError):
            raise
        sys.exit(_say(told, colour))


def _check_words() -> None:
    """Refuse words that are no text, before anything takes them for one."""
    for word in sys.argv[1:]:
        try:
            word.encode()
        except UnicodeEncodeError:
            from neurectomy.core.errors import InvalidInput

            message = f"{word.encode('utf-8', 'replace').decode()} is not a text in UTF-8"
            raise InvalidInput(message, hint="Look at the terminal's encoding.") from None


def _colour() -> bool | None:
    """False where nothing may be coloured; null where that depends on what is printed to.

    ``NO_COLOR`` is that of no-color.org: set, and not to nothing.
    """
    refused = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return False if refused else None


def _misuse(error: click.ClickException) -> Exception:
    """An error of the command line's form, as one of ours."""
    from neurectomy.core.errors import InvalidInput

    context = getattr(error, "ctx", None)
    hint = f"See: {context.command_path if context else 'neurectomy'} --help"
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        message = error.message
        if error.possibilities:
            hint = f"Did you mean {error.possibilities[0]}?"
    message = message.rstrip(".")
    return InvalidInput(message[:1].lower() + message[1:], hint=hint)


def _say(error: Any, colour: bool | None) -> int:
    if "--json" in sys.argv:
        import json

        click.echo(json.dumps({"error": error.as_dict()}, default=str))
    else:
        from neurectomy.cli.options import harmless

        mark = click.style("error", fg="red", bold=True)
        click.echo(f"{mark}: {harmless(error.message)}", err=True, color=colour)
        if error.hint:
            mark = click.style("hint", bold=True)
            click.echo(f"{mark}: {harmless(error.hint)}", err=True, color=colour)
    code: int = error.exit_code
    return code
