"""``neurectomy whatif`` where the way to its experiment breaks off."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from neurectomy.cli import whatif
from neurectomy.core.errors import StorageError


class Breaking:
    """A client that starts an experiment and cannot read it."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []

    async def call(self, operation: str, body: Any = None, **arguments: Any) -> Any:
        match operation:
            case "show_run":
                return {"id": "run", "flow": "f"}
            case "run_program":
                return {"flows": [], "agents": [], "models": []}
            case "start_whatif":
                return {"id": "experiment"}
            case "cancel_whatif":
                self.cancelled.append(arguments["experiment"])
            case _:
                raise StorageError("the disk is full", hint="Free some space.")
        return None


def test_an_experiment_that_cannot_be_read_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Breaking()

    @asynccontextmanager
    async def connect(root: Path) -> Any:
        yield client

    monkeypatch.setattr(whatif, "connect", connect)
    (tmp_path / "a.agent").write_text("flow f() -> int {\n  return 1\n}\n")
    words = ["run", "--at", "1", "--vary", "n=1,2", "-w", str(tmp_path)]
    done = CliRunner().invoke(whatif.command, words)
    assert isinstance(done.exception, StorageError)
    assert client.cancelled == ["experiment"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"sure": True, "text": "yes", "more": "no"}, "yes"),
        ({"count": 3}, '{"count": 3}'),
        ("a" * 50 + "z" * 50, "a" * 19 + "..." + "z" * 19),
    ],
)
def test_answers_are_shown_so_that_they_can_be_told_apart(value: Any, shown: str) -> None:
    assert whatif._answer(value) == shown
