"""Which files a session was loaded from, and that it notices when they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neurectomy.sandboxes.port import Limits, SessionSpec
from neurectomy.sandboxes.sources import Sources

PAST = 1_000_000_000


def write(path: Path, text: str, at: int = PAST) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


@pytest.mark.anyio
async def test_a_session_notices_that_what_it_imported_has_changed(sandbox, tmp_path) -> None:
    beside = write(tmp_path / "beside.py", "X = 1")
    packaged = write(tmp_path / "package" / "__init__.py", "Y = 2")
    spaced = write(tmp_path / "space" / "inner.py", "Z = 3")
    code = write(
        tmp_path / "tools" / "t.py",
        "import beside, package, space.inner\n"
        "def total(): return beside.X + package.Y + space.inner.Z",
    )
    session = await sandbox.open(SessionSpec(code, tmp_path))
    try:
        assert (await session.call("total", {}, Limits())).value == 6
        assert not session.changed()
        for path in (beside, packaged, spaced, code):
            text = path.read_text()
            write(path, text, PAST + 1)
            assert session.changed()
            write(path, text)
            assert not session.changed()
        spaced.unlink()
        assert session.changed()
    finally:
        await session.close()


def test_files_elsewhere_are_not_looked_at_whatever_a_worker_lists(tmp_path: Path) -> None:
    root = tmp_path / "program"
    code = write(root / "t.py", "")
    outside = write(tmp_path / "outside.py", "")
    (root / "link.py").symlink_to(outside)
    sources = Sources(code, root, lambda: None)
    sources.begin()
    sources.loaded([str(outside), str(root / ".." / "outside.py"), str(root / "link.py"), "\0", ""])
    write(outside, "", PAST + 1)
    assert not sources.changed()


def test_a_file_that_was_written_while_it_was_loaded_is_loaded_again(tmp_path: Path) -> None:
    code, other = write(tmp_path / "t.py", ""), write(tmp_path / "other.py", "")
    sources = Sources(code, tmp_path, lambda: None)
    sources.begin()
    other.write_text("")
    sources.loaded([str(other)])
    assert sources.changed()
