"""Merges two trees that come from a third, folder by folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from neurectomy.core import codecs
from neurectomy.snapshots.tree import EMPTY, Entry, decode, encode

if TYPE_CHECKING:
    from neurectomy.snapshots.tree import ReadBlob


class Settled(Struct, frozen=True):
    """What becomes of a path that both sides changed.

    Attributes:
        entry: What stands there; null for nothing.
        beside: What is kept under a name of its own; null for nothing.
        conflict: Whether somebody has to look at it.
    """

    entry: Entry | None
    beside: Entry | None = None
    conflict: bool = True


class Overlap(Struct, frozen=True):
    """A path that both sides changed in different ways, and that somebody has to look at.

    Attributes:
        kept: Whose version stands there: ``ours``, ``theirs``, or ``both`` for one made of the two.
        beside: The path of the other version, empty where there is none.
    """

    path: str
    kept: str
    beside: str = ""


class Merged(Struct, frozen=True):
    """A merged tree: its digest, and the contents of the trees in it that were made for it."""

    root: str
    trees: dict[str, bytes]
    parts: dict[str, tuple[str, ...]]
    overlaps: tuple[Overlap, ...]


Settle = Callable[[str, Entry | None, Entry | None, Entry | None], Settled]
"""Decides on a path, given what base, ours and theirs have there."""


def keep_both(path: str, base: Entry | None, ours: Entry | None, theirs: Entry | None) -> Settled:
    """Ours stays where it is, and theirs is kept beside it; a change outlives a deletion."""
    if ours is None:
        return Settled(theirs)
    return Settled(ours, theirs)


def merge(base: str, ours: str, theirs: str, read: ReadBlob, settle: Settle = keep_both) -> Merged:
    """Merge three ways.

    A path that one side changed is as that side has it. Where both changed it, and not alike,
    ``settle`` decides.

    Args:
        base: Digest of the tree that both come from.
        ours: Digest of a tree.
        theirs: Digest of the other.
        read: Reads contents.
        settle: For what both sides changed.

    Raises:
        Damaged: A part of a tree is missing.
    """
    merging = _Merging(read, settle)
    whole = [Entry("", "tree", digest) for digest in (base, ours, theirs)]
    entry = merging.merged("", *whole)
    if entry is None:
        entry = merging.tree([])
    return Merged(entry.digest, merging.trees, merging.parts, tuple(merging.overlaps))


class _Merging:
    def __init__(self, read: ReadBlob, settle: Settle) -> None:
        self._read = read
        self._settle = settle
        self.trees: dict[str, bytes] = {}
        self.parts: dict[str, tuple[str, ...]] = {}
        self.overlaps: list[Overlap] = []

    def merged(
        self, path: str, base: Entry | None, ours: Entry | None, theirs: Entry | None
    ) -> Entry | None:
        """What a path holds that only its own folder's names can be told apart by."""
        if ours == theirs or theirs == base:
            return ours
        if ours == base:
            return theirs
        return self._folder(path, base, ours, theirs)

    def _folder(
        self, path: str, base: Entry | None, ours: Entry | None, theirs: Entry | None
    ) -> Entry | None:
        sides = [self._entries(side) for side in (base, ours, theirs)]
        names = dict.fromkeys(name for side in sides for name in side)
        found: dict[str, Entry] = {}
        aside: list[tuple[str, Entry, Settled]] = []
        for name in sorted(names):
            three = (sides[0].get(name), sides[1].get(name), sides[2].get(name))
            inside = f"{path}{name}"
            one, mine, other = three
            if mine == other or other == one:
                entry = mine
            elif mine == one:
                entry = other
            elif _are_folders(one, mine, other):
                entry = self._folder(f"{inside}/", one, mine, other)
            else:
                settled = self._settle(inside, one, mine, other)
                entry = settled.entry
                if settled.beside is not None:
                    aside.append((name, settled.beside, settled))
                elif settled.conflict:
                    self.overlaps.append(Overlap(inside, _whose(entry, mine, other)))
            if entry is not None:
                found[name] = entry
        for name, entry, settled in aside:
            free = free_name(name, names.keys() | found.keys())
            found[free] = msgspec.structs.replace(entry, name=free)
            names[free] = None
            kept = _whose(settled.entry, sides[1].get(name), sides[2].get(name))
            self.overlaps.append(Overlap(f"{path}{name}", kept, f"{path}{free}"))
        if not found and path and (ours is None or theirs is None):
            return None
        made = self.tree(list(found.values()))
        name = path.rstrip("/").rpartition("/")[2]
        return msgspec.structs.replace(made, name=name)

    def tree(self, entries: list[Entry]) -> Entry:
        """The entry of a new tree."""
        content = encode(entries)
        digest = codecs.digest(content)
        self.trees[digest] = content
        self.parts[digest] = tuple(dict.fromkeys(entry.digest for entry in entries))
        return Entry("", "tree", digest, sum(entry.size for entry in entries))

    def _entries(self, side: Entry | None) -> dict[str, Entry]:
        if side is None or side.kind != "tree":
            return {}
        known = self.trees.get(side.digest)
        content = EMPTY if side.digest == _EMPTY else known or self._read(side.digest)
        return {entry.name: entry for entry in decode(content).entries}


_EMPTY = codecs.digest(EMPTY)


def _are_folders(base: Entry | None, ours: Entry | None, theirs: Entry | None) -> bool:
    """Whether what differs is inside: both are folders, or one is and the other is gone."""
    kinds = [side.kind == "tree" for side in (ours, theirs) if side is not None]
    if not all(kinds):
        return False
    return len(kinds) == 2 or (base is not None and base.kind == "tree")


def _whose(entry: Entry | None, ours: Entry | None, theirs: Entry | None) -> str:
    if entry == ours:
        return "ours"
    return "theirs" if entry == theirs else "both"


def free_name(name: str, taken: set[str]) -> str:
    """A name that is not taken, for another version of a file."""
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    number = 1
    while (found := f"{stem}.conflict-{number}{dot}{suffix}") in taken:
        number += 1
    return found
