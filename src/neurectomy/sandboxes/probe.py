"""What the jail must not let a tool do, tried for real."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def probe(address: str, file: str, pid: int) -> list[str]:
    """The ways out that are open.

    Args:
        address: Path of a socket outside, on which somebody listens.
        file: Path of a file outside, of this user.
        pid: Number of a process outside, of this user.
    """
    ways: dict[str, Callable[[], object]] = {
        "network": _connect,
        "socket": lambda: _reach(address),
        "write": lambda: Path(__file__).with_name("written").write_text(""),
        "chmod": lambda: Path(file).chmod(0o644),
        "truncate": lambda: os.truncate(file, 0),
        "empty": lambda: os.close(os.open(file, os.O_RDONLY | os.O_TRUNC)),
        "signal": lambda: _signal(pid),
    }
    found = []
    for name, attempt in ways.items():
        with suppress(OSError):
            attempt()
            found.append(name)
    return found


def _connect() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(1)
        with suppress(ConnectionRefusedError):  # that is an answer of the network too
            sock.connect(("127.0.0.1", 9))


def _reach(address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.connect(address)


def _signal(pid: int) -> None:
    if pid in (1, os.getpid(), os.getppid()):  # the number is one of the jail's own processes
        raise ProcessLookupError
    os.kill(pid, signal.SIGTERM)
