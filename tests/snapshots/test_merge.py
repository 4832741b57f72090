"""Three-way merges of trees and of texts: what one side changed is there, and nothing is lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurectomy.core import codecs
from neurectomy.snapshots.capture import Capturer, content_of
from neurectomy.snapshots.checkout import lay_out, move_on
from neurectomy.snapshots.copies import Copies
from neurectomy.snapshots.lines import merge_lines
from neurectomy.snapshots.merge import merge
from neurectomy.snapshots.tree import EMPTY, Entry, build, walk
from tests.snapshots.test_snapshots import FILES, Contents, _consistent, look

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=8).map("".join)


def put(contents: Contents, files: dict[str, bytes]) -> str:
    entries = {p: Entry(p, "file", contents.put(c), len(c)) for p, c in files.items()}
    root, trees = build(entries)
    contents.update(trees)
    return root


def got(contents: Contents, root: str) -> dict[str, bytes]:
    return {path: contents.read(entry.digest) for path, entry in walk(root, contents.read)}


@given(FILES, FILES, FILES)
@settings(max_examples=400, deadline=None)
def test_a_merge_loses_nothing(base, ours, theirs) -> None:
    contents = Contents()
    contents.put(EMPTY)
    base, ours, theirs = map(_consistent, (base, ours, theirs))
    roots = [put(contents, files) for files in (base, ours, theirs)]
    merged = merge(*roots, contents.read)
    contents.update(merged.trees)
    found = got(contents, merged.root)
    for path in base.keys() | ours.keys() | theirs.keys():
        one, mine, other = (side.get(path) for side in (base, ours, theirs))
        if mine == other or other == one:
            continue
        if mine == one and not merged.overlaps:
            assert found.get(path) == other, path
    for side in (ours, theirs):  # whatever a side has changed is somewhere
        changed = [content for path, content in side.items() if base.get(path) != content]
        assert all(content in found.values() for content in changed)
    assert merge(*roots, contents.read) == merged
    if not merged.overlaps:
        other_way = merge(roots[0], roots[2], roots[1], contents.read)
        assert other_way.root == merged.root


@given(FILES, FILES)
@settings(max_examples=200, deadline=None)
def test_a_side_that_changed_nothing_takes_the_other(base, ours) -> None:
    contents = Contents()
    contents.put(EMPTY)
    one, other = put(contents, _consistent(base)), put(contents, _consistent(ours))
    assert merge(one, other, one, contents.read).root == other
    assert merge(one, one, other, contents.read).root == other
    assert merge(one, other, other, contents.read).overlaps == ()


def test_what_both_changed_is_kept_twice() -> None:
    contents = Contents()
    contents.put(EMPTY)
    base = put(contents, {"x.txt": b"0", "gone": b"0", "d/e": b"0", "mod": b"0"})
    ours = put(contents, {"x.txt": b"1", "gone": b"1", "d": b"file", "x.conflict-1.txt": b"mine"})
    theirs = put(contents, {"x.txt": b"2", "d/e": b"2", "mod": b"2", "new/n": b"2"})
    merged = merge(base, ours, theirs, contents.read)
    contents.update(merged.trees)
    assert got(contents, merged.root) == {
        "d": b"file",
        "d.conflict-1/e": b"2",
        "gone": b"1",
        "mod": b"2",
        "new/n": b"2",
        "x.conflict-1.txt": b"mine",
        "x.conflict-2.txt": b"2",
        "x.txt": b"1",
    }
    assert {(o.path, o.kept, o.beside) for o in merged.overlaps} == {
        ("d", "ours", "d.conflict-1"),
        ("gone", "ours", ""),
        ("mod", "theirs", ""),
        ("x.txt", "ours", "x.conflict-2.txt"),
    }


@given(LINES, LINES, LINES)
@settings(max_examples=400, deadline=None)
def test_lines_are_merged_as_they_must(base: str, ours: str, theirs: str) -> None:
    assert merge_lines(base, ours, base).text == ours
    assert merge_lines(base, base, theirs).text == theirs
    assert merge_lines(base, ours, ours).text == ours
    merged = merge_lines(base, ours, theirs)
    assert merged.text.count("<<<<<<< ours\n") == merged.conflicts
    kept = _side(merged.text, "ours"), _side(merged.text, "theirs")
    if merged.conflicts == 0:
        assert "<<<<<<<" not in merged.text
        assert kept[0] == kept[1] == merged.text
    back = merge_lines(base, theirs, ours)
    assert back.conflicts == merged.conflicts


def _side(text: str, name: str) -> str:
    """What is left of a marked text for whoever takes one side of every conflict."""
    found, within = [], ""
    for line in text.splitlines(keepends=True):
        if line.startswith("<<<<<<<"):
            within = "ours"
        elif line == "=======\n" and within:
            within = "theirs"
        elif line.startswith(">>>>>>>"):
            within = ""
        elif within in ("", name):
            found.append(line)
    return "".join(found)


@pytest.mark.skipif(shutil.which("git") is None, reason="it is compared with git merge-file")
@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n"),
        ("a\nb\nc\n", "a\nB\nc\n", "a\nX\nc\n"),
        ("a\nb\nc\n", "a\nc\n", "a\nb\nc\nd\n"),
        ("a\nb\nc", "a\nb\nC", "a\nb\nX"),
        ("", "one\n", "two\n"),
        ("a\nb\nc\n", "new\na\nb\nc\n", "a\nb\nc\nlast\n"),
    ],
)
def test_texts_are_merged_as_git_does(base: str, ours: str, theirs: str, tmp_path: Path) -> None:
    for name, text in (("base", base), ("ours", ours), ("theirs", theirs)):
        (tmp_path / name).write_text(text)
    command = ["git", "merge-file", "-p", "-L", "ours", "-L", "base", "-L", "theirs"]
    done = subprocess.run([*command, "ours", "base", "theirs"], cwd=tmp_path, capture_output=True)
    merged = merge_lines(base, ours, theirs)
    assert merged.text == done.stdout.decode()
    assert merged.conflicts == done.returncode


def test_windows_lines_and_many_equal_lines() -> None:
    merged = merge_lines("a\r\nb\r\n", "a\r\nX\r\n", "a\r\nY\r\n")
    assert merged.text == "a\r\n<<<<<<< ours\r\nX\r\n=======\r\nY\r\n>>>>>>> theirs\r\n"
    many = "x\n" * 50_000
    assert merge_lines(many, f"first\n{many}", f"{many}last\n").text == f"first\n{many}last\n"


@given(FILES, FILES, FILES)
@settings(max_examples=60, deadline=None)
def test_a_copy_moves_from_tree_to_tree(tmp_path_factory, first, second, third) -> None:
    contents = Contents()
    contents.put(EMPTY)
    roots = [put(contents, _consistent(files)) for files in (first, second, third)]
    folder, other = tmp_path_factory.mktemp("moving"), tmp_path_factory.mktemp("laid")
    lay_out(roots[0], contents.read, folder)
    move_on(folder, roots[0], roots[1], contents.read)
    lay_out(roots[1], contents.read, other)
    assert look(folder) == look(other)
    copies = Copies(tmp_path_factory.mktemp("copies"), contents.read)
    copy = copies.take(roots[2], folder, ())
    assert copy.look().root == roots[2]


def test_what_is_captured_is_laid_out_the_same(tmp_path: Path) -> None:
    names = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20)

    @given(FILES, st.sets(st.integers(0, 5)), names)
    @settings(max_examples=60, deadline=None)
    def same(files, executable, name) -> None:
        for place in ("from", "to"):
            shutil.rmtree(tmp_path / place, ignore_errors=True)
            (tmp_path / place).mkdir()
        for number, (path, content) in enumerate(sorted(_consistent(files).items())):
            file = tmp_path / "from" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o755 if number in executable else 0o644)
        if not name.startswith(".") and name not in ("neurectomy.toml", "node_modules"):
            (tmp_path / "from" / f"x{name}").symlink_to(name)
        captured = Capturer(tmp_path / "from", tmp_path / "memory").capture()
        contents = Contents()
        root = contents.take(captured)
        lay_out(root, contents.read, tmp_path / "to")
        again = Capturer(tmp_path / "to", tmp_path / "other").capture()
        assert again.root == root
        assert look(tmp_path / "from") == look(tmp_path / "to")

    same()


def test_a_copy_notices_what_was_changed_in_it(tmp_path: Path) -> None:
    contents = Contents()
    contents.put(EMPTY)
    root = put(contents, {"a": b"aaaa", "b": b"bbbb"})
    copies = Copies(tmp_path / "copies", contents.read)
    copy = copies.take(root, tmp_path, ())
    copy.settle()
    (copy.path / "a").write_text("AAAA")  # of the same size
    captured = copy.look()
    contents.update(captured.trees)
    contents.update({d: content_of(f, d) for d, f in captured.files.items()})
    assert got(contents, captured.root) == {"a": b"AAAA", "b": b"bbbb"}
    (copy.path / "b").chmod(0o400)
    captured = copy.look()
    copies.give_back(copy, captured)
    again = copies.take(root, tmp_path, ())
    assert again is copy
    assert (again.path / "a").read_text() == "aaaa"
    assert (again.path / "b").stat().st_mode & 0o777 == 0o666
    assert codecs.digest(contents[root]) == root
