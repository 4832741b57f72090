"""Commands on a terminal: a process whose input, output and errors are one."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

from tests.cli.test_commands import COMMAND, environment


class Terminal:
    """A command that believes to be on a terminal; its answer goes to a pipe where ``piped``."""

    def __init__(self, *words: str, cwd: Path, piped: bool = False, **changes: str) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            cwd=cwd,
            env=environment(**{"TERM": "xterm", "NO_COLOR": "", **changes}),
            stdin=theirs,
            stdout=subprocess.PIPE if piped else theirs,
            stderr=theirs,
            text=True,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def until(self, text: str) -> str:
        """Read until something is shown; all that was."""
        end = time.monotonic() + 60
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            assert self._read(), self.shown
        return self.shown

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._ours, f"{text}\n".encode())

    def interrupt(self) -> None:
        """What Ctrl-C does where the terminal controls the process."""
        time.sleep(0.3)  # from the prompt to the system's call that reads, where it is seen
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """The exit code and all that was shown."""
        while self._read():
            pass
        os.close(self._ours)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return self.process.wait(60), self.shown.replace("\r\n", "\n")

    def _read(self) -> bool:
        if not select.select([self._ours], [], [], 60)[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # how a terminal says that nobody has it open any more
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
