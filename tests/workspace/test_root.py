"""Which folder is the workspace: the nearest one that its owner opened, and no planted one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from neurectomy.core.errors import InvalidInput
from neurectomy.workspace.lock import FOLDER
from neurectomy.workspace.root import find_root


@pytest.fixture
def below(tmp_path: Path) -> Path:
    """A folder two levels below one that holds a folder of ours."""
    (tmp_path / FOLDER).mkdir()
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    return folder


def test_the_nearest_opened_folder_above_is_the_workspace(below: Path) -> None:
    root = below.parent.parent
    (below / "x.agent").touch()
    assert find_root(below / "x.agent") == root
    (below.parent / FOLDER).mkdir()
    assert find_root(below) == below.parent


def test_a_folder_that_was_never_opened_is_its_own_workspace(tmp_path: Path) -> None:
    (tmp_path / "x.agent").touch()
    assert find_root(tmp_path) == find_root(tmp_path / "x.agent") == tmp_path


def test_a_folder_that_everybody_may_write_in_is_a_workspace_only_by_name(below: Path) -> None:
    shared = below.parent.parent
    shared.chmod(0o1777)
    assert find_root(below) == below
    assert find_root(shared) == shared


def test_what_somebody_else_made_above_is_no_workspace(
    below: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert find_root(below) == below


def test_a_link_to_a_folder_of_ours_above_is_no_workspace(below: Path, tmp_path: Path) -> None:
    root = below.parent.parent
    (root / FOLDER).rename(root / "elsewhere")
    (root / FOLDER).symlink_to(root / "elsewhere")
    assert find_root(below) == below


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no"):
        find_root(tmp_path / "none")
