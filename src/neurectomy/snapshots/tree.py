"""Trees: a folder as a value, each part of it named by the hash of its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged

ReadBlob = Callable[[str], bytes]
"""The content of a digest; raises `Damaged` where it is missing."""


class Entry(Struct, frozen=True, array_like=True):
    """One name of a folder.

    Attributes:
        kind: ``file``, ``link`` (its content is where it points) or ``tree``.
        digest: SHA-256 of its content.
        size: Bytes of a file; of a tree, those of everything in it.
        executable: Whether a file may be executed.
    """

    name: str
    kind: Literal["file", "link", "tree"]
    digest: str
    size: int = 0
    executable: bool = False


class Tree(Struct, frozen=True):
    """A folder: its entries, by name."""

    entries: tuple[Entry, ...] = ()
    version: int = 1


class Change(Struct, frozen=True):
    """A path that two trees do not agree on; null stands for absent."""

    path: str
    before: Entry | None
    after: Entry | None


EMPTY = codecs.canonical(Tree())
"""The content of an empty folder."""


def encode(entries: list[Entry]) -> bytes:
    """The content of a tree."""
    return codecs.canonical(Tree(tuple(sorted(entries, key=lambda entry: entry.name))))


def decode(content: bytes) -> Tree:
    """The tree that `encode` wrote.

    Raises:
        Damaged: It is none, or a name in it could lead out of the folder.
    """
    try:
        tree = msgspec.json.decode(content, type=Tree)
    except msgspec.MsgspecError as error:
        raise Damaged(f"a tree cannot be read: {error}", hint="Restore it from a backup.") from None
    names = [entry.name for entry in tree.entries]
    if len(set(names)) != len(names) or not all(map(is_name, names)):
        raise Damaged("a tree has a name that none can have", hint="Do not trust where it is from.")
    return tree


def is_name(name: str) -> bool:
    """Whether a file can be called so, and stays in its folder."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def walk(root: str, read: ReadBlob, prefix: str = "") -> Iterator[tuple[str, Entry]]:
    """Every file and link below a tree, with its path, in order."""
    for entry in decode(read(root)).entries:
        path = f"{prefix}{entry.name}"
        if entry.kind == "tree":
            yield from walk(entry.digest, read, f"{path}/")
        else:
            yield path, entry


def changes(before: str, after: str, read: ReadBlob, prefix: str = "") -> Iterator[Change]:
    """What differs between two trees, by path; equal parts are not looked into."""
    if before == after:
        return
    old = {entry.name: entry for entry in decode(read(before)).entries}
    new = {entry.name: entry for entry in decode(read(after)).entries}
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name), new.get(name)
        if one == other:
            continue
        path = f"{prefix}{name}"
        if one is not None and other is not None and one.kind == other.kind == "tree":
            yield from changes(one.digest, other.digest, read, f"{path}/")
            continue
        for entry, gone in ((one, True), (other, False)):
            if entry is not None and entry.kind == "tree":
                for inner, leaf in walk(entry.digest, read, f"{path}/"):
                    yield Change(inner, leaf, None) if gone else Change(inner, None, leaf)
        left = one if one is None or one.kind != "tree" else None
        right = other if other is None or other.kind != "tree" else None
        if left is not None or right is not None:
            yield Change(path, left, right)


def entry_at(root: str, path: str, read: ReadBlob) -> Entry | None:
    """What a tree has at a path; null where it has nothing there."""
    name, separator, rest = path.partition("/")
    for entry in decode(read(root)).entries:
        if entry.name == name:
            if not separator:
                return entry
            return entry_at(entry.digest, rest, read) if entry.kind == "tree" else None
    return None


def with_files(root: str, files: dict[str, Entry], read: ReadBlob) -> tuple[str, dict[str, Tree]]:
    """A tree with files in the places of what was there: its digest, and the trees made for it."""
    made: dict[str, Tree] = {}

    def put(known: tuple[Entry, ...], inside: dict[str, Entry]) -> Entry:
        entries = {entry.name: entry for entry in known}
        below: dict[str, dict[str, Entry]] = {}
        for path, entry in inside.items():
            name, separator, rest = path.partition("/")
            if separator:
                below.setdefault(name, {})[rest] = entry
            else:
                entries[name] = msgspec.structs.replace(entry, name=name)
        for name, files_below in below.items():
            was = entries.get(name)
            there = was is not None and was.kind == "tree"
            old = decode(read(was.digest)).entries if was is not None and there else ()
            entries[name] = msgspec.structs.replace(put(old, files_below), name=name)
        content = encode(list(entries.values()))
        digest = codecs.digest(content)
        made[digest] = decode(content)
        return Entry("", "tree", digest, sum(entry.size for entry in entries.values()))

    return put(decode(read(root)).entries, files).digest, made


def build(files: dict[str, Entry]) -> tuple[str, dict[str, bytes]]:
    """The tree of files by their paths: its digest, and the contents of all the trees in it."""
    contents: dict[str, bytes] = {}

    def made(inside: dict[str, Entry]) -> tuple[str, int]:
        entries: list[Entry] = []
        below: dict[str, dict[str, Entry]] = {}
        for path, entry in inside.items():
            name, separator, rest = path.partition("/")
            if separator:
                below.setdefault(name, {})[rest] = entry
            else:
                entries.append(msgspec.structs.replace(entry, name=name))
        for name, files_below in below.items():
            digest, size = made(files_below)
            entries.append(Entry(name, "tree", digest, size))
        content = encode(entries)
        digest = codecs.digest(content)
        contents[digest] = content
        return digest, sum(entry.size for entry in entries)

    return made(files)[0], contents
