"""A session that may write its folder, and places beside a folder that are seen: in every jail."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurectomy.sandboxes.port import Limits, SessionSpec

pytestmark = pytest.mark.anyio

CODE = """
import os
from pathlib import Path

def write(path, text):
    Path(path).write_text(text)
    return os.getcwd()

def attempt(path):
    found = []
    for way in (lambda: Path(path).write_text("x"), lambda: Path(path).unlink(),
                lambda: Path(path).rename(path + "-moved"), lambda: Path(path + "-new").mkdir()):
        try:
            way()
            found.append("done")
        except OSError:
            pass
    return found

def read(path):
    try:
        return Path(path).read_text()
    except OSError as error:
        return type(error).__name__
"""


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A folder that nobody else uses, in one that nobody else may enter, and a live one."""
    copy, live = tmp_path / "copies" / "one", tmp_path / "live"
    copy.mkdir(parents=True)
    copy.chmod(0o777)
    copy.parent.chmod(0o700)
    (copy / "t.py").write_text(CODE)
    (copy / "t.py").chmod(0o666)
    (live / "cache").mkdir(parents=True)
    (live / "cache" / "inner").write_text("inner")
    (live / "other").write_text("other")
    (copy / "cache").symlink_to(live / "cache")
    return copy, live


async def test_a_session_that_writes_changes_its_folder_and_nothing_else(sandbox, places) -> None:
    copy, live = places
    spec = SessionSpec(copy / "t.py", copy, beside=(live / "cache",), writes=True)
    for number in range(2):  # the second one may come as another user
        session = await sandbox.open(spec)
        try:
            arguments = {"path": "made.txt", "text": str(number)}
            outcome = await session.call("write", arguments, Limits())
            assert (outcome.value, outcome.error) == (str(copy), "")
            assert (copy / "made.txt").read_text() == str(number)
            for path in (live / "cache" / "inner", live / "other", copy.parent / "beside"):
                outcome = await session.call("attempt", {"path": str(path)}, Limits())
                assert outcome.value == []
        finally:
            await session.close()
    assert (live / "cache" / "inner").read_text() == "inner"
    assert not (copy.parent / "beside").exists()


async def test_what_lies_beside_is_seen_unless_a_link_leads_to_it(sandbox, places) -> None:
    copy, live = places
    (live / "leading").symlink_to(live)
    beside = (live / "cache", live / "leading" / "other", live / "leading", live / "gone")
    session = await sandbox.open(SessionSpec(copy / "t.py", copy, beside=beside))
    try:
        for path, text in (
            (copy / "cache" / "inner", "inner"),
            (live / "other", None),
            (live / "leading" / "other", None),
        ):
            found = (await session.call("read", {"path": str(path)}, Limits())).value
            assert found == text if text else found in ("FileNotFoundError", "PermissionError")
        outcome = await session.call("attempt", {"path": str(copy / "t.py")}, Limits())
        assert outcome.value == []
    finally:
        await session.close()


async def test_a_session_is_replaced_when_what_lies_beside_is(sandbox, places) -> None:
    copy, live = places
    session = await sandbox.open(SessionSpec(copy / "t.py", copy, beside=(live / "cache",)))
    try:
        (live / "cache").rename(live / "was")
        (live / "cache").mkdir()
        assert session.changed()
    finally:
        await session.close()
