"""Lays trees out as folders again, for whoever is to read, own or change them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from neurectomy.core import codecs
from neurectomy.core.errors import InvalidInput
from neurectomy.snapshots.tree import EMPTY, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from neurectomy.snapshots.tree import Entry, ReadBlob

    Wrote = Callable[[Path, Entry], None]

Rights = Literal["read", "own", "open"]
"""Who may write what is laid out: nobody, its owner as the user has it, or everybody."""

_FILES = {"read": 0o444, "own": 0o666, "open": 0o666}


def lay_out(
    root: str, read: ReadBlob, folder: Path, rights: Rights = "own", wrote: Wrote | None = None
) -> int:
    """Write a tree into a folder; gives how many files and links. Blocking.

    Args:
        root: Digest of the tree.
        read: Reads contents.
        folder: Where to; it is there.
        rights: Who may write what is written.
        wrote: Told of each file and link.

    Raises:
        InvalidInput: Something is in the way.
        Damaged: A part of the tree is missing.
    """
    count = 0
    for entry in decode(read(root)).entries:
        place = folder / entry.name
        is_folder = place.is_dir() and not place.is_symlink()
        if os.path.lexists(place) and not (entry.kind == "tree" and is_folder):
            raise InvalidInput(f"{place} is there already", hint="Choose an empty folder.")
        if entry.kind == "tree":
            place.mkdir(exist_ok=True)
            if rights == "open":
                place.chmod(0o777)
            count += lay_out(entry.digest, read, place, rights, wrote)
        else:
            write_leaf(entry, read, place, rights)
            count += 1
            if wrote is not None:
                wrote(place, entry)
    return count


def write_leaf(entry: Entry, read: ReadBlob, place: Path, rights: Rights = "own") -> None:
    """Write one file or link where nothing is."""
    content = read(entry.digest)
    if entry.kind == "link":
        place.symlink_to(os.fsdecode(content))
        return
    mode = _FILES[rights] | (0o111 if entry.executable else 0)
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        if rights == "open":
            os.fchmod(handle, mode)


def move_on(
    folder: Path,
    before: str,
    after: str,
    read: ReadBlob,
    rights: Rights = "own",
    wrote: Wrote | None = None,
) -> None:
    """Turn a folder that holds one tree into one that holds another. Blocking.

    What both trees have is not touched, so the cost is that of what differs.
    """
    if before == after:
        return
    old = {entry.name: entry for entry in decode(read(before)).entries}
    new = {entry.name: entry for entry in decode(read(after)).entries}
    for name, entry in old.items():
        other = new.get(name)
        if other == entry or (other and other.kind == entry.kind == "tree"):
            continue
        remove(folder / name)
    for name, entry in new.items():
        was, place = old.get(name), folder / name
        if was == entry:
            continue
        if entry.kind != "tree":
            write_leaf(entry, read, place, rights)
            if wrote is not None:
                wrote(place, entry)
            continue
        known = was.digest if was and was.kind == "tree" else EMPTY_DIGEST
        place.mkdir(exist_ok=True)
        if rights == "open":
            place.chmod(0o777)
        move_on(place, known, entry.digest, _with_empty(read), rights, wrote)


EMPTY_DIGEST = codecs.digest(EMPTY)


def _with_empty(read: ReadBlob) -> ReadBlob:
    """As ``read``, and the empty tree is always there."""
    return lambda digest: EMPTY if digest == EMPTY_DIGEST else read(digest)


def own_folder(folder: Path) -> None:
    """Make a folder that is ours. A link in its place may lead anywhere, and is removed."""
    if folder.is_symlink():
        folder.unlink()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def remove(place: Path) -> None:
    """Remove a file, a link or a folder with all in it; nothing happens where nothing is."""
    try:
        if place.is_dir() and not place.is_symlink():
            place.chmod(0o700)
            for folder, below, _ in os.walk(place):  # a tool may have locked its own folders
                for name in below:
                    if not (inner := Path(folder, name)).is_symlink():
                        inner.chmod(0o700)
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
