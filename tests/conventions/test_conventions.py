"""Remarks that were made twice, as tests."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

from neurectomy.cli.main import COMMANDS, EPILOG, cli
from neurectomy.cli.waiting import EXIT_WAITING
from neurectomy.core.errors import NeurectomyError
from neurectomy.runs.completions import COMPLETIONS
from neurectomy.server.openapi import document
from neurectomy.server.operations import OPERATIONS
from neurectomy.workspace.settings import _VARIABLES

LISTED = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=False)
FILES = [Path(name) for name in LISTED.stdout.split("\n") if name and Path(name).is_file()]
SOURCES = [path for path in FILES if path.suffix == ".py"]
TEXTS = [p for p in FILES if p.suffix not in (".png", ".ico", ".woff2")]


def test_the_repository_is_looked_at() -> None:
    assert len(SOURCES) > 100


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_each_module_says_what_it_is_for_in_its_first_line(path: Path) -> None:
    text = path.read_text("utf-8")
    if not text.strip():
        return
    docstring = ast.get_docstring(ast.parse(text)) or ""
    assert docstring, f"{path} has no docstring"
    assert len(docstring.split("\n")[0]) <= 120


@pytest.mark.parametrize("path", [p for p in SOURCES if p.parts[0] == "src"], ids=str)
def test_no_room_is_overfull(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 520


def test_nothing_is_named_for_what_it_is_not() -> None:
    banned = {"utils", "helpers", "common", "manager", "base", "misc"}
    assert not [path for path in FILES if path.stem in banned]


def test_no_address_of_a_registry_and_no_path_of_a_machine_is_recorded() -> None:
    patterns = re.compile(
        r"(pypi\.org/simple|files\.pythonhoste[d]\.org|registry\.npmjs\.org|--index-url|"
        r"--find-links|/root/|/home/[a-z]+/)"
    )
    found = [
        f"{path}: {match[0]}"
        for path in TEXTS
        if path.name != "test_conventions.py"
        for match in [patterns.search(path.read_text("utf-8", "replace"))]
        if match
    ]
    assert found == []


def test_every_command_setting_operation_and_kind_is_documented() -> None:
    documents = "\n".join(p.read_text("utf-8") for p in FILES if p.suffix == ".md")
    http = Path("docs/reference/http.md").read_text("utf-8")
    log = Path("docs/reference/run-log.md").read_text("utf-8")
    assert [name for name in COMMANDS if f"neurectomy {name}" not in documents] == []
    assert [name for name in _VARIABLES if name not in documents] == []
    assert [o.name for o in OPERATIONS if f"`{o.name}`" not in http] == []
    assert [kind for kind in COMPLETIONS if f"`{kind}`" not in log] == []


def test_every_option_is_documented() -> None:
    reference = Path("docs/reference/command-line.md").read_text("utf-8")
    documents = "\n".join(p.read_text("utf-8") for p in FILES if p.suffix == ".md")
    context = click.Context(cli)
    commands = [cli.get_command(context, name) for name in COMMANDS]
    missing = []
    for one in commands:
        if isinstance(one, click.Group):
            missing += [name for name in one.commands if f"`{name}`" not in reference]
            commands += one.commands.values()
        else:
            options = [p for p in one.params if isinstance(p, click.Option)]
            missing += [f"{one.name} {o.opts[0]}" for o in options if o.opts[0] not in documents]
    assert missing == []


def test_the_documented_types_are_those_of_the_edge() -> None:
    http = Path("docs/reference/http.md").read_text("utf-8")
    described = document()["components"]["schemas"]
    wrong = []
    for name, text in re.findall(r"^(\w+) +\{(.+(?:\n +.+)*)\}", http, re.MULTILINE):
        fields = text
        while fields != (fields := re.sub(r"\{[^{}]*\}|\([^()]*\)", "", fields)):
            pass
        documented = re.findall(r"(?:^|,)\s*(\w+)(?=\s*(?::|,|$))", fields)
        if name in described and {*documented} != {*described[name]["properties"]}:
            wrong.append((name, {*documented} ^ {*described[name]["properties"]}))
    assert wrong == []


def test_each_error_has_a_code_of_its_own() -> None:
    codes, waiting = [], [NeurectomyError]
    while waiting:
        kind = waiting.pop()
        codes.append(kind.code)
        waiting += [k for k in kind.__subclasses__() if k.__module__.startswith("neurectomy.core")]
    assert len(codes) == len(set(codes))


def test_every_exit_code_is_documented() -> None:
    kinds = [NeurectomyError]
    for kind in kinds:
        kinds += [k for k in kind.__subclasses__() if k.__module__.startswith("neurectomy.core")]
    codes = {kind.exit_code for kind in kinds} - {NeurectomyError.exit_code} | {EXIT_WAITING}
    reference = Path("docs/reference/command-line.md").read_text("utf-8")
    assert [code for code in sorted(codes) if f"| {code} |" not in reference] == []
    assert [code for code in sorted(codes) if not re.search(rf"\b{code} \w", EPILOG)] == []


def test_the_core_stays_small() -> None:
    lock = Path("requirements/runtime.txt").read_text("utf-8")
    packages = re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)
    assert len(packages) <= 60
    declared = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert len(declared) <= 12
