"""What a tool sees of the program's folder, of the interpreter and of the home folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from neurectomy.core.errors import Unavailable
from neurectomy.sandboxes import interpreter
from neurectomy.sandboxes.port import Limits

pytestmark = pytest.mark.anyio

LIMITS = Limits(wall_ms=5000)
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"

READ_UNDER = """
import asyncio, json, sys
from pathlib import Path
from neurectomy.core.errors import NeurectomyError
from neurectomy.sandboxes.bubblewrap import Bubblewrap
from neurectomy.sandboxes.landlock import Landlock
from neurectomy.sandboxes.port import Limits, SessionSpec

async def main(program, path):
    found = {}
    for kind in (Bubblewrap, Landlock):
        try:
            session = await kind().open(SessionSpec(program / "t.py", program))
            found[kind.name] = (await session.call("read", {"path": path}, Limits())).value
            await session.close()
        except NeurectomyError as error:
            found[kind.name] = error.message
    print(json.dumps(found))

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""

TOOL = """
import sys
from pathlib import Path

def read(path):
    try:
        return Path(path).read_text()
    except OSError as error:
        return f"{type(error).__name__} under {Path(sys.executable).name}"
"""


async def read(session, path: Path) -> str:
    return (await session.call("read", {"path": str(path)}, LIMITS)).value


async def test_hidden_files_are_not_read(session, program: Path) -> None:
    assert await read(session, program / "data.txt") == "beside"
    assert await read(session, program / "data" / "more.txt") == "below"
    for name in (".neurectomy/token", ".git/config", ".env", "neurectomy.toml", "link"):
        assert await read(session, program / name) in ("PermissionError", "FileNotFoundError")
    found = await read(session, program / "leading-out")
    assert found in ("PermissionError", "FileNotFoundError")


async def test_nothing_is_written_where_hidden_files_are(session, program: Path) -> None:
    for name in (".neurectomy/x", ".git/x", ".env", "neurectomy.toml", "x"):
        outcome = await session.call("write", {"path": str(program / name)}, LIMITS)
        assert outcome.value != "written"


@pytest.mark.parametrize("name", [".env", ".secret", ".git"])
async def test_a_hidden_file_that_comes_later_calls_for_a_new_session(
    sandbox, session, program: Path, name: str
) -> None:
    (program / "data.txt").write_text("changed in its place")
    assert await read(session, program / "data.txt") == "changed in its place"
    (program / ".neurectomy" / "log").write_text("")
    assert sandbox.name == "landlock" or session._sources._shown() == session._sources._seen
    if (program / name).exists():
        (program / name).rename(program / ".old")
    (program / name).write_text("secret")
    if sandbox.name == "landlock":
        assert await read(session, program / name) == "PermissionError"
    else:
        assert session.changed()


async def test_files_that_were_replaced_are_read_by_the_next_session(
    sandbox, session, program: Path
) -> None:
    (program / "new.txt").write_text("new")
    (program / "new.txt").rename(program / "data.txt")
    assert session.changed() or await read(session, program / "data.txt") == "new"


def environment(folder: Path, python: Path) -> Path:
    """The interpreter of what looks like a virtual environment."""
    (folder / "bin").mkdir(parents=True)
    (folder / "lib" / VERSION / "site-packages").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(python)
    return folder / "bin" / "python"


def read_under(python: Path, program: Path, path: Path, home: Path) -> dict[str, str]:
    """What a tool reads at ``path``, by jail, when neurectomy runs under that interpreter."""
    (program / "t.py").write_text(TOOL)
    packages, source = Path(msgspec.__file__).parents[1], Path(interpreter.__file__).parents[2]
    done = subprocess.run(
        [python, "-c", READ_UNDER, program, path],
        env={"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": f"{source}:{packages}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("configured", [True, False])
def test_a_link_in_the_home_folder_does_not_show_the_home_folder(
    tmp_path: Path, configured: bool
) -> None:
    home, program = tmp_path / "home", tmp_path / "program"
    for folder in (home / "bin", program):
        folder.mkdir(parents=True)
    real = Path(os.path.realpath(sys.executable))
    (home / "bin" / "python3").symlink_to(real)
    (home / "secret").write_text("secret")
    python = environment(tmp_path / "venv", home / "bin" / "python3")
    if configured:
        (tmp_path / "venv" / "pyvenv.cfg").write_text(f"home = {real.parent}")
    assert read_under(python, program, home / "secret", home) == {
        "bubblewrap": "FileNotFoundError under python",
        "landlock": "PermissionError under python",
    }


@pytest.mark.parametrize("inside", ["", "home", "program"])
def test_an_interpreter_that_would_show_everything_is_refused(
    monkeypatch, tmp_path: Path, inside: str
) -> None:
    (tmp_path / "lib" / VERSION).mkdir(parents=True)
    home = tmp_path / "home" if inside == "home" else tmp_path / "elsewhere"
    monkeypatch.setenv("HOME", str(home if inside else tmp_path))
    for name in ("prefix", "exec_prefix"):
        monkeypatch.setattr(sys, name, str(tmp_path))
    root = tmp_path / "program" if inside == "program" else Path("/srv/program")
    with pytest.raises(Unavailable, match="would see all"):
        interpreter.folders(root)


def test_an_environment_in_the_program_is_shown_even_in_a_hidden_folder(
    monkeypatch, tmp_path: Path
) -> None:
    venv = tmp_path / ".venv"
    (venv / "lib" / VERSION).mkdir(parents=True)
    for name in ("prefix", "exec_prefix"):
        monkeypatch.setattr(sys, name, str(venv))
    assert str(venv) in interpreter.folders(tmp_path)


def test_an_environment_in_a_hidden_folder_of_the_program_runs_its_tools(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("secret")
    real = Path(os.path.realpath(sys.executable))
    python = environment(tmp_path / ".venv", real)
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(f"home = {real.parent}")
    expected = "PermissionError under python"
    found = read_under(python, tmp_path, tmp_path / ".env", tmp_path / "home")
    assert found == {"bubblewrap": expected, "landlock": expected}
