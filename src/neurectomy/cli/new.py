"""``neurectomy new``: a small agent to start from."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from neurectomy.cli.options import json_option, print_json
from neurectomy.core.errors import Conflict, InvalidInput

PROGRAM = '''\
# Answers a question from the notes beside this file.

model writer = auto

## The notes that bear on a question.
tool search(question: str) -> list[Note] from "tools/notes.py" idempotent

type Note {
  title: str
  text: str
}

agent answerer(question: str) -> str {
  model writer
  tools search
  prompt """
    Answer from the notes, and say which one you used: {{ question }}
  """
}

flow main(question: str) -> str {
  answer = answerer(question)
  return answer
}
'''
TOOL = '''\
"""Searches the notes in this folder. It runs in a jail: it can read this folder, nothing else."""

from pathlib import Path


def search(question: str) -> list[dict]:
    """The notes that share the most words with a question."""
    words = set(question.lower().split())
    found = []
    for path in sorted(Path(__file__).parent.glob("*.md")):
        text = path.read_text("utf-8")
        shared = len(words & set(text.lower().split()))
        if shared:
            found.append((shared, {"title": path.stem, "text": text}))
    return [note for _, note in sorted(found, key=lambda pair: -pair[0])[:3]]
'''
NOTE = """\
# Replay

A replay feeds the recorded answers to the program again and compares every decision. It asks no
model and calls no tool, so it costs nothing.
"""


@click.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Start a workspace in FOLDER with a small agent, its tool and a note."""
    files = {"main.agent": PROGRAM, "tools/notes.py": TOOL, "tools/replay.md": NOTE}
    taken = [name for name in files if os.path.lexists(folder / name)]
    if taken:
        raise Conflict(f"{folder / taken[0]} is there already", hint="Choose another folder.")
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        hint = "Look at its rights and at the space on the disk."
        raise InvalidInput(f"{folder} cannot be written: {error.strerror}", hint=hint) from None
    if as_json:
        print_json({"folder": str(folder), "files": list(files)})
        return
    for name in files:
        click.echo(f"  {folder / name}")
    tries = [
        'neurectomy run main.agent --question "What does a replay cost?"',
        "neurectomy runs show last --events",
        "neurectomy serve",
    ]
    if folder.resolve() != Path.cwd():
        tries.insert(0, f"cd {shlex.quote(str(folder))}")
    click.echo("\nTry:")
    for line in tries:
        click.echo(f"  {line}")
    click.echo("\nWhat a program may say: neurectomy check --help")
