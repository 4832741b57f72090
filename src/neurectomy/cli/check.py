"""``neurectomy check``: what is wrong with programs, before they run."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from msgspec.structs import replace

from neurectomy.cli.options import harmless, json_option, print_json
from neurectomy.cli.programs import program_root
from neurectomy.core.errors import NotFound, ProgramInvalid
from neurectomy.language.diagnostics import COLOURED, Lines, as_data, show
from neurectomy.workspace.programs import Programs

MOST_SHOWN = 50
"""Problems that are printed for people; the first ones are usually the cause of the others."""


EPILOG = """\b
A program holds declarations, in any order:
  model NAME = auto | offline | "provider:name"
  type  NAME { field: TYPE ... }
  tool  NAME(parameter: TYPE) -> TYPE from "path.py" [idempotent] [writes]
  agent NAME(parameter: TYPE) -> TYPE { model NAME  prompt \"""...\"""  [tools a, b] }
  flow  NAME(parameter: TYPE) -> TYPE { statements }

\b
Types: str int float bool json none list[T] map[T] T? "one" | "other" secret str

\b
Statements:
  name = expression
  name = callee(positional, by_name: value)
  name = ask human "question" -> TYPE
  name = map item in items { ... yield value }
  if condition { ... } else { ... }
  repeat at most 3 times [while condition] { ... }
  parallel { one = a()  other = b() }
  return value"""


@click.command("check", epilog=EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@json_option
def command(paths: tuple[Path, ...], as_json: bool) -> None:
    """Check PATHS, programs or folders; the current folder by default."""
    found, lines = [], dict[str, Lines]()
    for path in paths or (Path(),):
        root = program_root(path)
        real = path.resolve()
        programs = Programs(root if real.is_dir() else real.parent)
        base = Programs(real) if real.is_dir() else programs
        names = list(base.paths()) if real.is_dir() else [real.name]
        if not names:
            raise NotFound(f"there is no program in {path}", hint="Start one with: neurectomy new")
        for name in names:
            shown = str(path / name) if real.is_dir() else str(path)
            compiled = base.compile(name)
            lines[shown] = Lines(harmless(compiled.text))
            found += [(shown, diagnostic) for diagnostic in compiled.diagnostics]
    errors = sum(diagnostic.severity == "error" for _, diagnostic in found)
    if as_json:
        data = as_data(diagnostic for _, diagnostic in found)
        for item, (shown, _) in zip(data, found, strict=True):
            item["path"] = shown
        print_json({"files": list(lines), "errors": errors, "diagnostics": data})
        sys.exit(3 if errors else 0)
    for shown, diagnostic in found[:MOST_SHOWN]:
        told = replace(
            diagnostic,
            path=harmless(shown),
            message=harmless(diagnostic.message),
            hint=harmless(diagnostic.hint),
        )
        text = show(told, lines[shown], COLOURED)
        click.echo(f"{text}\n")  # takes the colours out where none belong
    if len(found) > MOST_SHOWN:
        click.echo(f"... and {len(found) - MOST_SHOWN} more; see them all with --json\n")
    files = f"{len(lines)} file{'s' if len(lines) > 1 else ''}"
    if errors:
        plural = "s" if errors > 1 else ""
        raise ProgramInvalid(f"{errors} error{plural} in {files}", hint="Mend them from the top.")
    warnings = len(found)
    tail = f", {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""
    click.echo(f"{files} checked, no errors{tail}")
