"""The processes of the jail: whose children they are, how they end, and as whom they run."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import struct

PR_SET_KEEPCAPS, PR_CAP_AMBIENT, CAP_DAC_READ_SEARCH = 8, 47, 2


def children(parent: int) -> set[int]:
    """The processes whose parent is ``parent``."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{parent}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{parent}/task/{task}/children") as file:
                found.update(int(pid) for pid in file.read().split())
    return found


def kill(pid: int) -> None:
    """Kill a process and all that it started, stopping each first so that none can fork on."""
    waiting, seen = [pid], set[int]()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        with contextlib.suppress(OSError):
            os.kill(one, signal.SIGSTOP)
        waiting += children(one)
    for one in seen:
        with contextlib.suppress(OSError):
            os.kill(one, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def become(user: int) -> None:
    """Take on an identity that owns nothing and may read what is mounted here; see capset(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    header = struct.pack("Ii", 0x20080522, 0)
    kept = 1 << CAP_DAC_READ_SEARCH
    if libc.capset(header, struct.pack("6I", kept, kept, kept, 0, 0, 0)) == 0:
        libc.prctl(PR_CAP_AMBIENT, 2, CAP_DAC_READ_SEARCH, 0, 0)
