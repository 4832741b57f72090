"""Prepares ``.venv`` from nothing but Python: uv and Node come as wheels, all by hashed locks.

``setup.py run`` for what the product needs; ``setup.py test`` for what its tests need too,
programs of the system included.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOT, VENV = ROOT / ".venv-setup", ROOT / ".venv"
LOCKS = {"run": ("runtime.txt", "web.txt"), "test": ("development.txt",)}
PROGRAMS = {"bwrap": "bubblewrap", "chromium": "chromium", "git": "git"}
"""Programs that tests need, by the Debian package that brings each."""


def say(text: str) -> None:
    """A line of progress."""
    sys.stdout.write(f"• {text}\n")
    sys.stdout.flush()


def call(*command: str | Path, **environment: str) -> int:
    """Run a program and give its exit code."""
    words = [str(word) for word in command]
    return subprocess.run(words, env={**os.environ, **environment}, check=False).returncode


def need(code: int, message: str) -> None:
    """Stop with a message where a program failed."""
    if code:
        raise SystemExit(f"{message} (exit code {code})")


def is_debian_root() -> bool:
    """Whether packages of the system can be installed here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_packages(packages: list[str]) -> None:
    """Install packages of Debian, or say exactly which are missing."""
    if not is_debian_root():
        names = " ".join(packages)
        raise SystemExit(f"missing: {names}\nInstall them, on Debian: apt-get install {names}")
    say(f"installing {' '.join(packages)}")
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    call("apt-get", "update", "-qq", **environment)
    code = call(
        "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, **environment
    )
    need(code, f"apt-get could not install {' '.join(packages)}")


def prepare_uv() -> Path:
    """The program uv, in an environment of its own."""
    uv = BOOT / "bin/uv"
    if uv.exists():
        return uv
    say("getting uv")
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(BOOT)], capture_output=True, check=False
    )
    if made.returncode:
        shutil.rmtree(BOOT, ignore_errors=True)
        install_packages(["python3-venv"])
        need(call(sys.executable, "-m", "venv", BOOT), "no environment could be made")
    lock = ROOT / "requirements/setup.txt"
    code = call(BOOT / "bin/python", "-m", "pip", "install", "-q", "--require-hashes", "-r", lock)
    need(code, "uv could not be installed")
    return uv


def is_ready(stamp: Path, locks: list[Path]) -> bool:
    """Whether an environment was made from these locks as they are."""
    inputs = [*locks, ROOT / "pyproject.toml"]
    return stamp.is_file() and all(p.stat().st_mtime <= stamp.stat().st_mtime for p in inputs)


def prepare(kind: str) -> None:
    """Make the environment for ``run`` or ``test``."""
    if sys.version_info < (3, 11):  # noqa: UP036 - it runs before anything is checked
        raise SystemExit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    locks = [ROOT / "requirements" / name for name in LOCKS[kind]]
    stamp = VENV / f".ready-{kind}"
    if kind == "test":
        missing = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
        if missing:
            install_packages(missing)
    if is_ready(stamp, locks) or (kind == "run" and is_ready(VENV / ".ready-test", [])):
        return
    uv = prepare_uv()
    if not (VENV / "bin/python").exists():
        code = call(uv, "venv", "-q", "--python", sys.executable, VENV)
        need(code, "no environment could be made")
    say(f"installing {' and '.join(lock.name for lock in locks)}")
    python = ("--python", VENV / "bin/python")
    words = [word for lock in locks for word in ("-r", lock)]
    code = call(uv, "pip", "install", "-q", *python, "--require-hashes", *words)
    need(code, "the locked packages could not be installed")
    code = call(uv, "pip", "install", "-q", *python, "--no-deps", "-e", ROOT)
    need(code, "the package itself could not be installed")
    stamp.touch()


if __name__ == "__main__":
    prepare(sys.argv[1])
