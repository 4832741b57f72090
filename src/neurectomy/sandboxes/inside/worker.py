"""Loads a tool's file once, then forks for each call and watches over the processes.

Frames on standard input and output are a length of four bytes, most significant first, and JSON.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import selectors
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

from . import confine
from .answers import called, say_error, trace
from .folders import enter, remove
from .loading import load, loaded
from .processes import become, children, kill

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
READ = 65_536

END_SECONDS = 0.5
"""How long it goes on killing what its calls left behind once the session has ended."""


class Call:
    """A call in flight: its process and what it has written so far."""

    def __init__(self, ident: int, pid: int, limits: dict[str, int], folder: Path) -> None:
        self.ident = ident
        self.pid = pid
        self.limits = limits
        self.folder = folder
        self.began = time.monotonic()
        self.parts: dict[str, bytearray] = {
            "result": bytearray(),
            "stdout": bytearray(),
            "stderr": bytearray(),
        }
        self.open = 3
        self.dropped = 0
        self.limit = ""
        self.status: int | None = None
        self.cpu_us = 0

    def take(self, name: str, data: bytes) -> None:
        """Keep what fits the limits, count the rest."""
        most = self.limits["result_bytes" if name == "result" else "output_bytes"]
        room = max(0, most - len(self.parts[name]))
        self.parts[name] += data[:room]
        if len(data) > room:
            if name == "result":
                self.limit = self.limit or "result"
            else:
                self.dropped += len(data) - room


class Worker:
    """Forks a process per call and watches over all of them in one loop.

    Args:
        incoming: Descriptor of frames from the session; ``outgoing`` of those to it.
        places: What a call may use besides a folder of its own, as far as the jail lets it.
        shared: A folder that all calls write to, emptied when none runs; empty for none.
        written: The folder that calls may change and work in; empty where they may change none.
    """

    def __init__(
        self, incoming: int, outgoing: int, places: list[str], shared: str, written: str
    ) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._buffer = bytearray()
        self._calls: dict[int, Call] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(incoming, selectors.EVENT_READ, None)
        self._folder = Path(os.environ["TMPDIR"])
        self._shared = shared
        self._written = written
        self._kept: set[Path] = set()
        self._module: Any = None
        for path in self._folder.iterdir():
            if not (written and Path(written).is_relative_to(path)):
                remove(path)  # of a worker that was here before and did not end in order
        warm = self._folder / "warm"
        warm.mkdir()
        enter(warm)
        self._rules: list[bytes] = []
        if places and confine.version():
            self._rules += confine.opened(places, confine.ALL)
            self._rules += confine.opened([str(warm)], confine.READ)
            self._rules += confine.opened([written] if written else [], confine.ALL)

    def send(self, frame: dict[str, Any]) -> None:
        """Write a frame."""
        data = json.dumps(frame, ensure_ascii=False).encode(errors="replace")
        view = memoryview(struct.pack(">I", len(data)) + data)
        while view:
            view = view[os.write(self._outgoing, view) :]

    def load(self, path: str, root: str) -> None:
        """Load the tool's file and let it warm up."""
        try:
            self._module = module = load(path, root)
            warm = getattr(module, "warm", None)
            if callable(warm):
                warm()
        except BaseException as error:  # noqa: BLE001 - whatever the file does, the session is told
            self.send({"ready": False, "error": say_error(error), "traceback": trace(error, path)})
            raise SystemExit(1) from None
        self._kept = self._left()
        gc.collect()
        gc.freeze()  # forks then share these pages
        self.send({"ready": True, "files": loaded(root)})

    def serve(self) -> None:
        """Until standard input ends; then every process of a call does too."""
        try:
            while self._turn():
                self._watch()
        finally:
            self._end()

    def _turn(self) -> bool:
        for key, _ in self._selector.select(self._pause()):
            if key.data is not None:
                self._read(key.fd, *key.data)
            elif not self._receive():
                return False
        return True

    def _end(self) -> None:
        end = time.monotonic() + END_SECONDS
        while (left := children(os.getpid())) and time.monotonic() < end:
            for pid in left:
                kill(pid)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)

    def _pause(self) -> float | None:
        if not self._calls:
            return None
        now = time.monotonic()
        ends = [call.began + call.limits["wall_ms"] / 1000 - now for call in self._calls.values()]
        closing = any(call.open == 0 for call in self._calls.values())
        return 0.001 if closing else max(0.001, min(0.05, *ends))

    def _receive(self) -> bool:
        data = os.read(self._incoming, READ)
        self._buffer += data
        while len(self._buffer) >= 4:
            (size,) = struct.unpack_from(">I", self._buffer)
            if len(self._buffer) < 4 + size:
                break
            frame = json.loads(self._buffer[4 : 4 + size])
            del self._buffer[: 4 + size]
            if "cancel" in frame:
                call = self._calls.get(frame["cancel"])
                if call is not None and call.status is None:
                    call.limit = "cancelled"
                    kill(call.pid)
            else:
                self._begin(frame)
        return bool(data)

    def _begin(self, frame: dict[str, Any]) -> None:
        pipes = {name: os.pipe() for name in ("result", "stdout", "stderr")}
        folder = self._folder / f"call-{frame['id']}"
        folder.mkdir(exist_ok=True)
        ruleset = self._ruleset(folder)
        try:
            pid = os.fork()
        except OSError as error:
            if ruleset >= 0:
                os.close(ruleset)
            for ends in pipes.values():
                os.close(ends[0])
                os.close(ends[1])
            text = f"no process could be started: {error}"
            self.send({"id": frame["id"], "limit": "processes", "error": text})
            return
        if pid == 0:
            try:
                self._let_go()
                for reading, _ in pipes.values():
                    os.close(reading)
                enter(folder)
                if self._written:
                    os.umask(0)  # the next call may come as another user
                    os.chdir(self._written)
                if ruleset >= 0:
                    confine.restrict(ruleset)
                run(self._module, frame, {name: ends[1] for name, ends in pipes.items()})
            finally:
                os._exit(0)  # never back into the loop, whatever the tool did
        if ruleset >= 0:
            os.close(ruleset)
        call = Call(frame["id"], pid, frame["limits"], folder)
        self._calls[frame["id"]] = call
        if hasattr(os, "pidfd_open"):
            self._selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (call, ""))
        for name, (reading, writing) in pipes.items():
            os.close(writing)
            self._selector.register(reading, selectors.EVENT_READ, (call, name))

    def _ruleset(self, folder: Path) -> int:
        """What a call may do, prepared before the fork, where the memory is not yet shared."""
        if not self._rules:
            return -1
        own = confine.opened([str(folder)], confine.ALL)
        try:
            return confine.ruleset(self._rules + own)
        finally:
            confine.close(own)

    def _let_go(self) -> None:
        """In the forked process: close what leads to the session and to other calls."""
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        self._selector.close()
        os.close(self._outgoing)

    def _read(self, descriptor: int, call: Call, name: str) -> None:
        data = os.read(descriptor, READ) if name else b""
        if data:
            call.take(name, data)
            return
        self._selector.unregister(descriptor)
        os.close(descriptor)
        call.open -= bool(name)

    def _watch(self) -> None:
        """Reap what has ended, kill what is over its limits and what was left behind."""
        now = time.monotonic()
        known = {call.pid for call in self._calls.values()}
        for call in list(self._calls.values()):
            if call.status is None:
                if (now - call.began) * 1000 > call.limits["wall_ms"]:
                    call.limit = call.limit or "wall"
                if call.limit in ("wall", "result", "cancelled"):
                    kill(call.pid)
                pid, status, usage = os.wait4(call.pid, os.WNOHANG)
                if pid:
                    call.status = status
                    call.cpu_us = int((usage.ru_utime + usage.ru_stime) * 1e6)
        if not self._calls:
            return
        for orphan in children(os.getpid()) - known:
            kill(orphan)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(orphan, os.WNOHANG)
        for call in list(self._calls.values()):
            if call.status is not None and call.open == 0:
                del self._calls[call.ident]
                remove(call.folder)
                self.send(ended(call))
        if not self._calls:
            for path in self._left() - self._kept:
                remove(path)

    def _left(self) -> set[Path]:
        return set(Path(self._shared).iterdir()) if self._shared else set()


_BY_SIGNAL = {int(signal.SIGXCPU): "cpu", int(signal.SIGXFSZ): "file"}


def ended(call: Call) -> dict[str, Any]:
    """The frame that tells how a call ended, with what its process wrote as it wrote it."""
    status = call.status or 0
    ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    error = ""
    if ended_by:
        error = f"the process was ended by {signal.Signals(ended_by).name}"
    elif not call.parts["result"]:
        code = os.waitstatus_to_exitcode(status)
        error = f"the process ended with code {code} and without a result"
    limit = call.limit or _BY_SIGNAL.get(ended_by, "")
    return {
        "id": call.ident,
        "limit": limit,
        "error": "" if limit else error,
        "result": "" if limit or error else call.parts["result"].decode(errors="replace"),
        "stdout": call.parts["stdout"].decode(errors="replace"),
        "stderr": call.parts["stderr"].decode(errors="replace"),
        "dropped_bytes": call.dropped,
        "wall_us": int((time.monotonic() - call.began) * 1e6),
        "cpu_us": call.cpu_us,
    }


def run(module: Any, frame: dict[str, Any], pipes: dict[str, int]) -> None:
    """In the forked process: call the function and write the result."""
    limits = frame["limits"]
    if sys.platform == "linux":
        confine.libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)
    os.dup2(pipes["stdout"], 1)
    os.dup2(pipes["stderr"], 2)
    os.close(pipes["stdout"])
    os.close(pipes["stderr"])
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    sys.stdout = open(1, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115
    memory = limits["memory_mb"] * 1024 * 1024
    size = limits["file_mb"] * 1024 * 1024
    for kind, soft, hard in (
        (resource.RLIMIT_CPU, limits["cpu_s"], limits["cpu_s"] + 1),
        (resource.RLIMIT_AS, memory, memory),
        (resource.RLIMIT_FSIZE, size, size),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NPROC, limits["processes"], limits["processes"]),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))
    try:
        data = json.dumps(called(module, frame)).encode()
    except MemoryError:
        data = json.dumps({"status": "limit", "limit": "memory"}).encode()
    view = memoryview(data)
    with contextlib.suppress(OSError):
        while view:
            view = view[os.write(pipes["result"], view) :]
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a tool may have put anything in their places
            stream.flush()


def main() -> None:
    """Take standard input and output over, then load and serve.

    The one argument is JSON: ``code``, ``root``, the ``user`` to become, 0 for none, ``places``
    and ``shared`` of `Worker`, and ``writes``, whether calls may change ``root``.
    """
    settings = json.loads(sys.argv[1])
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    if user := settings["user"]:
        become(user)
    if sys.platform == "linux":
        libc = confine.libc()
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(PR_SET_DUMPABLE, 0)  # calls of the same user cannot look into this process
    written = settings["root"] if settings["writes"] else ""
    worker = Worker(incoming, outgoing, settings["places"], settings["shared"], written)
    worker.load(settings["code"], settings["root"])
    if sys.platform == "linux":
        libc.prctl(PR_SET_PDEATHSIG, 0)  # from here on it notices by itself, and ends its calls
    worker.serve()
