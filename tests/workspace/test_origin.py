"""A log that came with a folder from elsewhere does not go on by itself."""

from __future__ import annotations

from pathlib import Path

from neurectomy.workspace.lock import FOLDER
from neurectomy.workspace.origin import MARK, Origin


def test_only_the_user_who_marked_a_workspace_knows_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / FOLDER).mkdir(parents=True)
    mine = Origin(root, {"NEURECTOMY_HOME": str(tmp_path / "mine")})
    assert not mine.ours()
    mine.adopt()
    assert mine.ours()
    assert (tmp_path / "mine" / "machine.key").stat().st_mode & 0o077 == 0
    theirs = Origin(root, {"NEURECTOMY_HOME": str(tmp_path / "theirs")})
    assert not theirs.ours()
    theirs.adopt()
    assert theirs.ours()
    assert not mine.ours()
    (root / FOLDER / MARK).write_bytes(b"\xff")
    assert not theirs.ours()
