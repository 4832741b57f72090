"""Snapshots of real folders: what is captured, what is not, and that it comes back as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict, Damaged, InvalidInput
from neurectomy.snapshots.capture import Captured, Capturer, content_of
from neurectomy.snapshots.checkout import lay_out
from neurectomy.snapshots.shared import Checkouts
from neurectomy.snapshots.tree import EMPTY, Entry, build, changes, decode, encode, walk


class Contents(dict):
    """Contents by digest, as a store has them."""

    def take(self, captured: Captured) -> str:
        self.update(captured.trees)
        self.update({d: content_of(file, d) for d, file in captured.files.items()})
        return captured.root

    def put(self, content: bytes) -> str:
        digest = codecs.digest(content)
        self[digest] = content
        return digest

    def read(self, digest: str) -> bytes:
        try:
            return self[digest]
        except KeyError:
            raise Damaged("missing", hint="") from None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "a" / "text.txt").write_text("text")
    (folder / "a" / "b" / "bytes").write_bytes(bytes(range(256)))
    (folder / "run.sh").write_text("#!/bin/sh")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("a/text.txt")
    return folder


def look(folder: Path) -> dict[str, tuple]:
    """Everything of a folder that a snapshot keeps."""
    found: dict[str, tuple] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder",)
        else:
            found[name] = ("file", path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return found


def test_a_folder_comes_back_as_it_was(folder: Path, tmp_path: Path) -> None:
    contents = Contents()
    root = contents.take(Capturer(folder, tmp_path / "memory").capture())
    target = tmp_path / "again"
    target.mkdir()
    assert lay_out(root, contents.read, target) == 4
    assert look(target) == look(folder)
    shared = Checkouts(tmp_path / "trees", contents.read).hold(root)
    assert look(shared) == look(folder)
    assert not (shared / "run.sh").stat().st_mode & 0o222
    with pytest.raises(InvalidInput, match="is there already"):
        lay_out(root, contents.read, target)


def test_what_is_ignored_stays_where_it_is(folder: Path, tmp_path: Path) -> None:
    (folder / ".env").write_text("KEY=secret")
    (folder / "neurectomy.toml").write_text("model = 'x'")
    (folder / "__pycache__").mkdir()
    (folder / "node_modules").mkdir()
    (folder / "node_modules" / "x.js").write_text("x")
    (folder / ".gitignore").write_text("*.log\n/data/\n!keep.log\n")
    (folder / "data").mkdir()
    (folder / "data" / "large.bin").write_text("large")
    (folder / "a" / "x.log").write_text("x")
    (folder / "a" / "keep.log").write_text("x")
    (folder / "a" / ".gitignore").write_text("text.txt")
    os.mkfifo(folder / "pipe")
    captured = Capturer(folder, tmp_path / "memory").capture()
    contents = Contents()
    root = contents.take(captured)
    paths = [path for path, _ in walk(root, contents.read)]
    assert paths == ["a/b/bytes", "a/keep.log", "link", "run.sh"]
    assert captured.beside == ("a/text.txt", "a/x.log", "data", "node_modules")
    assert captured.skipped == (("pipe", "it is no file"),)
    seen = Checkouts(tmp_path / "trees", contents.read).hold(root, folder, captured.beside)
    assert (seen / "data" / "large.bin").read_text() == "large"
    assert not (seen / ".env").exists()


def test_only_what_changed_is_read_again(folder: Path, tmp_path: Path, monkeypatch) -> None:
    for path in folder.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    import neurectomy.snapshots.capture as module

    monkeypatch.setattr(module, "FRESH_NS", -(10**12))  # as if all had been at rest for long
    first = Capturer(folder, tmp_path / "memory").capture()
    (folder / "a" / "text.txt").write_text("other")
    read: list[str] = []
    real = module.read_regular
    monkeypatch.setattr(
        module, "read_regular", lambda f: (read.append(os.path.basename(f)), real(f))[1]
    )
    second = Capturer(folder, tmp_path / "memory").capture()
    assert read == ["text.txt"]
    contents = Contents()
    contents.update(first.trees)
    contents.update(second.trees)
    (change,) = changes(first.root, second.root, contents.read)
    assert (change.path, change.before.size, change.after.size) == ("a/text.txt", 4, 5)


def test_a_change_right_after_a_capture_is_noticed(folder: Path, tmp_path: Path) -> None:
    capturer = Capturer(folder, tmp_path / "memory")
    for text in ("one1", "two2", "thr3"):
        (folder / "a" / "text.txt").write_text(text)
        contents = Contents()
        root = contents.take(capturer.capture())
        files = dict(walk(root, contents.read))
        assert contents[files["a/text.txt"].digest] == text.encode()


def test_a_file_that_changes_while_it_is_captured_is_refused(folder: Path, tmp_path: Path) -> None:
    captured = Capturer(folder, tmp_path / "memory").capture()
    (folder / "run.sh").write_text("else")
    with pytest.raises(Conflict, match=r"run\.sh changed"):
        Contents().take(captured)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\0"])
def test_a_hostile_tree_is_refused(name: str) -> None:
    with pytest.raises(Damaged, match="none can have"):
        decode(codecs.canonical({"entries": [[name, "file", "0" * 64]], "version": 1}))


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    contents = Contents()
    leaf = Entry("x", "file", contents.put(b"x"), 1)
    root, trees = build({"sub/x": leaf})
    contents.update(trees)
    (tmp_path / "outside").mkdir()
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "sub").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidInput):
        lay_out(root, contents.read, tmp_path / "target")
    assert not list((tmp_path / "outside").iterdir())


def test_checkouts_are_kept_up_to_a_limit(tmp_path: Path, monkeypatch) -> None:
    import neurectomy.snapshots.shared as module

    monkeypatch.setattr(module, "MOST_KEPT", 3)
    contents = Contents()
    checkouts = Checkouts(tmp_path / "trees", contents.read)
    for number in range(6):
        root, trees = build({"x": Entry("x", "file", contents.put(str(number).encode()), 1)})
        contents.update(trees)
        place = checkouts.hold(root)
        assert (place / "x").read_text() == str(number)
        if number:
            checkouts.release(place)
    left = [path for path in (tmp_path / "trees").iterdir() if path.is_dir()]
    assert sorted((path / "x").read_text() for path in left) == ["0", "4", "5"]


NAMES = st.sampled_from(["a", "b", "c"])
FILES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.binary(max_size=3), max_size=6
)


def _consistent(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without the files that stand where others have a folder."""
    folders = {
        "/".join(path.split("/")[:n]) for path in files for n in range(1, path.count("/") + 1)
    }
    return {path: content for path, content in files.items() if path not in folders}


@given(FILES, FILES)
@settings(max_examples=200, deadline=None)
def test_changes_are_those_of_the_paths(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    contents = Contents()
    contents.put(EMPTY)
    roots, leaves = [], []
    for files in (_consistent(before), _consistent(after)):
        entries = {p: Entry(p, "file", contents.put(c), len(c)) for p, c in files.items()}
        root, trees = build(entries)
        contents.update(trees)
        roots.append(root)
        leaves.append({path: entry.digest for path, entry in entries.items()})
        assert {path: entry.digest for path, entry in walk(root, contents.read)} == leaves[-1]
    found = {c.path: (c.before and c.before.digest, c.after and c.after.digest)
             for c in changes(*roots, contents.read)}  # fmt: skip
    old, new = leaves
    expected = {
        path: (old.get(path), new.get(path))
        for path in old.keys() | new.keys()
        if old.get(path) != new.get(path)
    }
    assert found == expected
    assert encode(list(decode(contents.read(roots[0])).entries)) == contents[roots[0]]
