"""What a run has changed comes into the folder three ways, and can be taken out again."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurectomy.app.services import open_services
from neurectomy.core.errors import Conflict, InvalidInput, NotFound, StorageError
from neurectomy.snapshots import rewrite
from neurectomy.snapshots.tree import Change, Entry
from neurectomy.workspace.settings import Settings
from tests.snapshots.test_snapshots import look

pytestmark = pytest.mark.anyio
SETTINGS = Settings(durability="process")

TOOL = """
import os, shutil
from pathlib import Path

def change() -> int:
    Path("text.txt").write_text("one\\nTWO\\nthree\\n")
    Path("binary").write_bytes(b"\\0theirs")
    Path("new").mkdir()
    Path("new/file").write_text("new")
    Path("gone").unlink()
    Path("kept").unlink()
    os.rename("old name", "new name")
    Path("run.sh").write_text("#!/bin/sh\\n")
    handle = os.open("made.sh", os.O_CREAT | os.O_WRONLY, 0o755)
    os.close(handle)
    os.symlink("text.txt", "link")
    Path("taken.log").write_text("theirs")
    shutil.rmtree("folder")
    return 1
"""
PROGRAM = 'tool change() -> int from "t.py" writes\nflow f() -> int { a = change() return a }\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "a.agent": PROGRAM,
        "t.py": TOOL,
        "text.txt": "one\ntwo\nthree\n",
        "binary": "\0base",
        "gone": "gone",
        "kept": "kept",
        "old name": "renamed",
        "run.sh": "#!/bin/bash\n",
        "folder/inner/file": "inner",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "run.sh").chmod(0o750)
    return tmp_path


async def changed(services: Any) -> str:
    row = await services.runs.start(services.programs.bundle("a.agent"), "f", {})
    await asyncio.wait_for(services.runs.motions.wait(row.id), 30)
    assert (await services.runs.result(await services.runs.row(row.id)))[1] is None
    return row.id


def seen(root: Path) -> dict[str, tuple]:
    return {name: what for name, what in look(root).items() if not name.startswith(".neur")}


async def test_a_run_comes_into_the_folder_and_out_again(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        before = seen(root)
        run = await changed(services)
        assert seen(root) == before
        dry = await services.runs.applying.apply(run, dry_run=True)
        assert seen(root) == before
        done = await services.runs.applying.apply(run)
        assert (done.changes, done.conflicts, done.left_out) == (dry.changes, (), ())
        told = {change.path: (change.status, change.was) for change in done.changes}
        assert told["new name"] == ("moved", "old name")
        assert told["gone"] == ("removed", "")
        assert told["folder/inner/file"] == ("removed", "")
        assert told["made.sh"] == ("added", "")
        now = seen(root)
        assert now["text.txt"][1] == b"one\nTWO\nthree\n"
        assert now["link"] == ("link", "text.txt")
        assert "folder" not in now
        assert (root / "run.sh").stat().st_mode & 0o777 == 0o750
        assert (root / "made.sh").stat().st_mode & 0o111
        assert (await services.runs.applying.apply(run)).changes == ()
        undone = await services.runs.applying.undo(run)
        assert undone.left == ()
        assert seen(root) == before
        with pytest.raises(NotFound, match="nothing to undo"):
            await services.runs.applying.undo(run)


async def test_what_people_changed_meanwhile_is_never_lost(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        run = await changed(services)
        (root / "text.txt").write_text("one\nzwei\nthree\nfour\n")
        (root / "binary").write_bytes(b"\0ours")
        (root / "kept").write_text("edited")
        (root / "gone").unlink()
        (root / ".gitignore").write_text("*.log\n")
        (root / "taken.log").write_text("mine")
        (root / "run.sh").unlink()
        before = seen(root)
        done = await services.runs.applying.apply(run)
        assert {(c.path, c.kept, c.beside) for c in done.conflicts} == {
            ("text.txt", "marked", ""),
            ("binary", "folder", "binary.conflict-1"),
            ("kept", "folder", ""),
            ("run.sh", "run", ""),
            ("taken.log", "folder", "taken.conflict-1.log"),
        }
        assert (root / "text.txt").read_text() == (
            f"one\n<<<<<<< your folder\nzwei\n=======\nTWO\n>>>>>>> run {run[-8:]}\nthree\nfour\n"
        )
        assert (root / "binary").read_bytes() == b"\0ours"
        assert (root / "binary.conflict-1").read_bytes() == b"\0theirs"
        assert (root / "kept").read_text() == "edited"
        assert (root / "taken.log").read_text() == "mine"
        assert (root / "taken.conflict-1.log").read_text() == "theirs"
        (root / "new" / "file").write_text("edited since")
        undone = await services.runs.applying.undo(run)
        assert undone.left == ("new/file",)
        after = seen(root)
        assert after.pop("new") == ("folder",)
        assert after.pop("new/file")[1] == b"edited since"
        assert after == before


async def test_nothing_is_written_through_a_link(root: Path, tmp_path_factory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "file").write_text("theirs to keep")
    async with open_services(root, SETTINGS) as services:
        run = await changed(services)
        (root / "new").symlink_to(outside)
        (root / "text.txt").unlink()
        (root / "text.txt").symlink_to(outside / "file")
        done = await services.runs.applying.apply(run)
        assert (outside / "file").read_text() == "theirs to keep"
        assert sorted(os.listdir(outside)) == ["file"]
        assert os.readlink(root / "text.txt") == str(outside / "file")
        assert (root / "text.conflict-1.txt").read_text() == "one\nTWO\nthree\n"
        assert {c.path for c in done.conflicts} == {"new", "text.txt"}


def test_a_rewriter_goes_through_no_link(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    for place in (folder, outside):
        place.mkdir()
    (folder / "link").symlink_to(outside)
    (outside / "file").write_text("theirs")
    rewriter = rewrite.Rewriter(folder, tmp_path / "records")
    entry = Entry("file", "file", "0" * 64, 3)
    for change in (Change("link/new", None, entry), Change("link/file", entry, None)):
        with pytest.raises(Conflict, match="link is a link"):
            rewriter.rewrite([change], lambda _: b"new")
    for path in ("../x", "a/../../x", "a//b", "/x", ""):
        with pytest.raises(Conflict, match="none can have"):
            rewriter.rewrite([Change(path, None, entry)], lambda _: b"new")
    with pytest.raises(Conflict, match="hidden"):
        rewriter.rewrite([Change(".git/hooks/x", None, entry)], lambda _: b"new")
    assert os.listdir(outside) == ["file"]


async def test_hidden_names_of_a_log_from_elsewhere_are_left_out(root: Path, monkeypatch) -> None:
    async with open_services(root, SETTINGS) as services:
        run = await changed(services)
        folders = services.runs.folders
        real = services.runs.files.at

        async def forged(run: str, seq: int = -1) -> Any:
            moment = await real(run, seq)
            if seq == 1:
                return moment
            texts = {"good.txt": "good"}
            files = {"root": moment.root, "beside": [], "skipped": []}
            root = (await folders.overlay(run, files, texts))["root"]
            from neurectomy.core import codecs
            from neurectomy.snapshots.tree import Entry, encode, with_files

            evil = b"evil"
            entry = Entry("", "file", codecs.digest(evil), 4)
            made, trees = with_files(root, {".git/hooks/post-commit": entry}, folders.read)
            contents = {digest: encode(list(tree.entries)) for digest, tree in trees.items()}
            services.log.store.add_blobs(run, {**contents, entry.digest: evil}, {})
            return type(moment)(moment.seq, made, moment.folder, (), ())

        monkeypatch.setattr(services.runs.files, "at", forged)
        done = await services.runs.applying.apply(run)
        assert [path for path, _ in done.left_out] == [".git/hooks/post-commit"]
        assert not (root / ".git").exists()
        assert (root / "good.txt").read_text() == "good"


async def test_a_full_disk_leaves_what_can_be_undone(root: Path, monkeypatch) -> None:
    async with open_services(root, SETTINGS) as services:
        before = seen(root)
        run = await changed(services)
        real, count = rewrite.Rewriter._put, []

        def full(self, path, entry, content):
            if len(count) == 3:
                raise OSError(28, "No space left on device")
            count.append(path)
            real(self, path, entry, content)

        monkeypatch.setattr(rewrite.Rewriter, "_put", full)
        with pytest.raises(StorageError, match="No space left"):
            await services.runs.applying.apply(run)
        assert seen(root) != before
        monkeypatch.undo()
        await services.runs.applying.undo(run)
        assert seen(root) == before


async def test_a_folder_that_is_gone_and_events_that_are_not(root: Path) -> None:
    async with open_services(root, SETTINGS) as services:
        (root / "sub").mkdir()
        for name in ("a.agent", "t.py"):
            (root / "sub" / name).write_text((root / name).read_text())
        row = await services.runs.start(services.programs.bundle("sub/a.agent"), "f", {})
        await asyncio.wait_for(services.runs.motions.wait(row.id), 30)
        (root / "sub").rename(root / "elsewhere")
        with pytest.raises(Conflict, match="is gone"):
            await services.runs.applying.apply(row.id)
        with pytest.raises(InvalidInput, match="no event 99"):
            await services.runs.files.at(row.id, 99)
        with pytest.raises(InvalidInput, match="no event 0"):
            await services.runs.files.at(row.id, 0)


def test_a_folder_is_rewritten_and_back_whatever_the_changes(tmp_path_factory) -> None:
    from neurectomy.snapshots.tree import changes
    from tests.snapshots.test_merge import put
    from tests.snapshots.test_snapshots import EMPTY, FILES, Contents, _consistent

    @given(FILES, FILES, st.booleans())
    @settings(max_examples=80, deadline=None)
    def back(before, after, executable) -> None:
        contents = Contents()
        contents.put(EMPTY)
        one, other = put(contents, _consistent(before)), put(contents, _consistent(after))
        folder = tmp_path_factory.mktemp("folder")
        for path, content in _consistent(before).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        was = look(folder)
        rewriter = rewrite.Rewriter(folder, tmp_path_factory.mktemp("records") / "x")
        found = list(changes(one, other, contents.read))
        rewriter.rewrite(found, contents.read)
        files = {n: w[1] for n, w in look(folder).items() if w[0] == "file"}
        assert files == _consistent(after)
        rewriter.undo()
        assert {n: w for n, w in look(folder).items() if w[0] == "file"} == {
            n: w for n, w in was.items() if w[0] == "file"
        }

    back()
