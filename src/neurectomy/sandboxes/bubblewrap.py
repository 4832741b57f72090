"""The jail on Linux: bubblewrap's namespaces, a system-call filter, limits, no network."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
from typing import TYPE_CHECKING

from neurectomy.core.errors import Unavailable
from neurectomy.sandboxes import interpreter, seccomp
from neurectomy.sandboxes.jail import INSIDE, Jail
from neurectomy.sandboxes.visible import hidden, identities, reachable

if TYPE_CHECKING:
    from pathlib import Path

    from neurectomy.sandboxes.port import SessionSpec

THERE = "/run/neurectomy"
"""Where the jail has the folder of the worker."""

TMP_BYTES = 256 * 1024 * 1024
"""Size of what can be written: /tmp, where each call of a session has a folder, and `SHARED`."""

SHARED = "/dev/shm"
"""Where calls make named semaphores, as multiprocessing does; empty once none runs."""

_FILES = ("/etc/ld.so.cache", "/etc/localtime")
_OWN = ("/proc", "/dev", THERE)
_FIRST_USER = 1_000_000_000


class Bubblewrap(Jail):
    """Namespaces of its own for mounts, processes, network, IPC and host name.

    A process of root makes the mounts itself and its calls take on a user of their own, since the
    kernel counts no processes of root's; that user may read all that is mounted, and write none of
    it. Any other process uses a user namespace.
    """

    name = "bubblewrap"
    needs_folder = False

    def __init__(self, command: str = "bwrap") -> None:
        self._command = command

    def obstacle(self) -> str:
        if shutil.which(self._command) is None:
            return "bubblewrap is not installed. On Debian: apt-get install bubblewrap"
        if seccomp.program(network=False) is None:
            return "the system-call filter does not know this processor"
        return ""

    def shown(self, root: Path) -> frozenset[tuple[str, int]]:
        return identities(hidden(root))

    async def launch(self, spec: SessionSpec, folder: str) -> asyncio.subprocess.Process:
        user = _FIRST_USER + secrets.randbelow(1_000_000_000) if os.geteuid() == 0 else 0
        python = interpreter.folders(spec.root)
        seen = [str(spec.root), *map(str, reachable(spec.beside))]
        settings = {
            "code": str(spec.code),
            "root": str(spec.root),
            "user": user,
            "places": [*interpreter.SYSTEM, *_FILES, *_OWN, *python, *seen],
            "shared": SHARED,
            "writes": spec.writes,
        }
        filter_ = seccomp.program(network=False)
        assert filter_ is not None
        reading, writing = os.pipe()
        try:
            os.write(writing, filter_)
            os.close(writing)
            return await asyncio.create_subprocess_exec(
                self._command,
                *_arguments(spec, reading, privileged=user != 0),
                sys.executable,
                "-I",
                f"{THERE}/__main__.py",
                json.dumps(settings),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(reading,),
                start_new_session=True,  # an interrupt at the terminal is ours to handle
                limit=1 << 20,
            )
        except FileNotFoundError:
            hint = "Install it, on Debian with: apt-get install bubblewrap"
            raise Unavailable("bubblewrap is not installed", hint=hint) from None
        finally:
            os.close(reading)


def _arguments(spec: SessionSpec, filter_: int, *, privileged: bool) -> list[str]:
    arguments = ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "jail"]
    arguments += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    arguments += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
    if privileged:
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        arguments += ["--cap-add", "CAP_DAC_READ_SEARCH"]
    else:
        arguments += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    arguments += ["--seccomp", str(filter_), *_mounts(spec)]
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for name, value in environment.items():
        arguments += ["--setenv", name, value]
    return [*arguments, "--chdir", "/tmp", "--"]


def _mounts(spec: SessionSpec) -> list[str]:
    """What the jail sees; where two overlap, the later lies on top."""
    root = spec.root
    arguments = []
    for path in (*interpreter.SYSTEM, *_FILES):
        if os.path.islink(path):
            arguments += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            arguments += ["--ro-bind", path, path]
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    for path in ("/tmp", SHARED):
        arguments += ["--perms", "1777", "--size", str(TMP_BYTES), "--tmpfs", path]
    arguments += ["--bind" if spec.writes else "--ro-bind", str(root), str(root)]
    for place in reachable(spec.beside):
        arguments += ["--ro-bind", str(place), str(place)]
    read_only = ["/", "/dev"]
    for entry in hidden(root):
        if entry.is_dir():
            arguments += ["--perms", "0555", "--tmpfs", str(entry)]
            read_only.append(str(entry))
        else:
            arguments += ["--ro-bind", "/dev/null", str(entry)]
    for folder in interpreter.folders(root):
        arguments += ["--ro-bind", folder, folder]
    for target, name in interpreter.links(root):
        arguments += ["--symlink", target, name]
    arguments += ["--ro-bind", str(INSIDE), THERE]
    for path in read_only:
        arguments += ["--remount-ro", path]
    return arguments
