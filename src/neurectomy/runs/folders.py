"""The folders that runs' tools see: captured when a run begins, kept as trees, laid out again."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict, Damaged, InvalidInput
from neurectomy.snapshots.capture import Capturer, content_of
from neurectomy.snapshots.copies import Copies
from neurectomy.snapshots.ignore import is_private
from neurectomy.snapshots.merge import merge
from neurectomy.snapshots.shared import Checkouts
from neurectomy.snapshots.tree import EMPTY, Entry, encode, entry_at, is_name, with_files

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from neurectomy.snapshots.capture import Captured
    from neurectomy.snapshots.copies import Copy
    from neurectomy.storage.port import Store

HOME = ".neurectomy"
"""The folder of a workspace that holds everything of ours."""

TRIES = 3
"""How often a folder that changes meanwhile is captured again."""

BATCH_BYTES = 8 * 1024 * 1024
"""Contents that are stored in one commit."""

MOST_BESIDE = 256
"""Places beside a snapshot that tools see; each is a rule of their jail."""

MOST_SAID = 100
"""Paths that are listed of what could not be captured."""

Files = dict[str, Any]
"""What a run's state says of its files: ``root``, ``beside``, ``skipped`` and ``folder``."""


class Folders:
    """Captures the folders of programs, and lays captured ones out.

    Args:
        store: Where contents are kept.
        top: The workspace, absolute and without links.

    Attributes:
        home: The folder of the workspace that is ours.
    """

    def __init__(self, store: Store, top: Path) -> None:
        self._store = store
        self.top = top
        self.home = top / HOME
        self._capturers: dict[Path, Capturer] = {}
        self._checkouts = Checkouts(self.home / "trees", self.read)
        self._copies = Copies(self.home / "copies", self.read)
        self._capturing = asyncio.Lock()
        self._looking = threading.Lock()

    def live(self, folder: str) -> Path | None:
        """A captured folder as it is now; null where it is hidden or outside of the workspace.

        Args:
            folder: Its path in the workspace, which a log from elsewhere may have made up.
        """
        place = self._inside(folder)
        if place is None or any(map(is_private, place.relative_to(self.top).parts)):
            return None
        return place

    def _inside(self, folder: str) -> Path | None:
        place = None if "\0" in folder else Path(os.path.realpath(self.top / folder))
        return place if place is not None and place.is_relative_to(self.top) else None

    def read(self, digest: str) -> bytes:
        """A content. Blocking.

        Raises:
            Damaged: It is missing.
        """
        content = self._store.blob(digest)
        if content is None:
            if digest == _EMPTY:
                return EMPTY
            hint = f"Restore the folder {HOME} from a backup, or delete the run."
            raise Damaged(f"the blob {digest[:12]} is missing", hint=hint, digest=digest)
        return content

    async def capture(self, run: str, folder: str, texts: Mapping[str, str]) -> Files:
        """Capture the folder of a program for a run, durably.

        Args:
            run: The run, which has a row.
            folder: Its path in the workspace.
            texts: Of the program and its tools by their path in the folder, as they were
                compiled: what the folder holds instead by now does not count.

        Raises:
            Conflict: It goes on changing.
            InvalidInput: It holds too much, and the program has tools.
        """
        live = self._inside(folder)
        if live is None:
            return await self._nothing(run, folder, texts, "it lies outside of the workspace")
        async with self._capturing:
            for attempt in range(TRIES):
                try:
                    files = await asyncio.to_thread(self._capture, run, live, frozenset(texts))
                    break
                except Conflict:
                    if attempt + 1 == TRIES:
                        raise
                except InvalidInput as error:
                    if len(texts) > 1:
                        raise
                    return await self._nothing(run, folder, texts, error.message)  # has no tools
        return await self.overlay(run, {**files, "folder": folder}, texts)

    async def _nothing(self, run: str, folder: str, texts: Mapping[str, str], reason: str) -> Files:
        """The files of a run that has none but its program."""
        empty = await asyncio.to_thread(self._keep_empty, run)
        files = {**empty, "folder": folder, "skipped": [[".", reason]]}
        return await self.overlay(run, files, texts)

    async def overlay(self, run: str, files: Files, texts: Mapping[str, str]) -> Files:
        """The files with texts in the places of what was there, durably.

        Args:
            run: The run, which has a row.
            files: What it has so far, with its values resolved.
            texts: By their path in the folder.
        """
        return await asyncio.to_thread(self._overlay, run, files, texts)

    def look(self, folder: Path, needed: frozenset[str]) -> Captured:
        """A folder as it is now, of which nothing is stored. Blocking.

        Args:
            folder: The folder.
            needed: Paths of files that count even where they are ignored.
        """
        with self._looking:
            return self._capturer(folder).capture(needed)

    def _capturer(self, folder: Path) -> Capturer:
        capturer = self._capturers.get(folder)
        if capturer is None:
            memory = self.home / "seen" / codecs.digest(str(folder).encode())[:32]
            capturer = self._capturers[folder] = Capturer(folder, memory, self.top)
        return capturer

    def _capture(self, run: str, folder: Path, needed: frozenset[str]) -> Files:
        captured = self.look(folder, needed)
        self._keep(run, captured)
        beside = sorted(captured.beside, key=lambda path: (path.count("/"), path))
        skipped = list(captured.skipped)
        if len(beside) > MOST_BESIDE:
            reason = f"tools do not see it, as {len(beside)} paths are ignored"
            skipped += [(path, reason) for path in beside[MOST_BESIDE:]]
        return {
            "root": captured.root,
            "beside": sorted(beside[:MOST_BESIDE]),
            "skipped": _said(skipped),
        }

    def _keep_empty(self, run: str) -> Files:
        if self._store.hold(run, [_EMPTY]):
            self._store.add_blobs(run, {_EMPTY: EMPTY}, {_EMPTY: ()})
        return {"root": _EMPTY, "beside": [], "skipped": []}

    def _keep(
        self, run: str, captured: Captured, leaks: Callable[[bytes], bool] | None = None
    ) -> None:
        """Store what of a tree is not there yet; a subtree that is there is not looked into."""
        missing = self._store.hold(run, [captured.root])
        trees: list[str] = []
        files: list[str] = []
        while missing:
            digest = missing.pop()
            if digest in captured.trees:
                trees.append(digest)
                missing += self._store.hold(run, captured.parts[digest])
            else:
                files.append(digest)
        batch, size = dict[str, bytes](), 0
        for digest in dict.fromkeys(files):
            batch[digest] = content_of(captured.files[digest], digest)
            if leaks is not None and leaks(batch[digest]):
                raise _leak(os.path.basename(captured.files[digest]))
            size += len(batch[digest])
            if size > BATCH_BYTES:
                self._store.add_blobs(run, batch, {})
                batch, size = {}, 0
        if leaks is not None and any(leaks(captured.trees[digest]) for digest in trees):
            raise _leak("the name of a file")
        if batch or trees:
            batch |= {digest: captured.trees[digest] for digest in trees}
            self._store.add_blobs(run, batch, {digest: captured.parts[digest] for digest in trees})

    def _overlay(self, run: str, files: Files, texts: Mapping[str, str]) -> Files:
        root, contents, put = files["root"], dict[str, bytes](), dict[str, Entry]()
        for path, text in texts.items():
            if not _is_sound(path):
                continue  # no tool is found there either
            entry = entry_at(root, path, self.read)
            if (
                entry is not None
                and entry.kind == "file"
                and _text(self.read(entry.digest)) == text
            ):
                continue
            content = text.encode()
            digest = codecs.digest(content)
            contents[digest] = content
            executable = entry is not None and entry.executable
            put[path] = Entry("", "file", digest, len(content), executable)
        if not put:
            return files
        made, trees = with_files(root, put, self.read)
        parts = {d: tuple(dict.fromkeys(e.digest for e in t.entries)) for d, t in trees.items()}
        contents |= {digest: encode(list(tree.entries)) for digest, tree in trees.items()}
        self._store.add_blobs(run, contents, parts)
        beside = [
            path
            for path in files["beside"]
            if not any(put_path == path or put_path.startswith(f"{path}/") for put_path in put)
        ]
        return {**files, "root": made, "beside": beside}

    def places(self, files: Files, live: Path | None) -> tuple[str, ...]:
        """The paths beside a snapshot that may be shown, whatever a log from elsewhere says."""
        if live is None:
            return ()
        return tuple(path for path in files["beside"] if _is_sound(path))

    @asynccontextmanager
    async def laid_out(self, files: Files, live: Path | None) -> AsyncIterator[Path]:
        """A read-only folder that holds a run's files for as long as the block runs.

        Args:
            files: Of the run, with its values resolved.
            live: The folder that was captured.
        """
        root, beside = files["root"], self.places(files, live)
        path = await asyncio.to_thread(self._checkouts.hold, root, live, beside)
        try:
            yield path
        finally:
            self._checkouts.release(path)

    async def lend(self, files: Files, live: Path | None) -> Copy:
        """A private folder that holds a run's files, until `take_back`."""
        place = live or self.top
        beside = self.places(files, live)
        return await asyncio.to_thread(self._copies.take, files["root"], place, beside)

    async def take_back(
        self, run: str, copy: Copy, leaks: Callable[[bytes], bool] | None
    ) -> Captured | None:
        """Keep what a tool made of a private folder, durably, or throw it away.

        Args:
            run: The run, which has a row.
            copy: The folder.
            leaks: Whether a content must not be kept; null where nothing is to be.

        Raises:
            InvalidInput: It holds more, or larger files, than a snapshot may have, or a secret.
        """
        return await asyncio.to_thread(self._take_back, run, copy, leaks)

    def _take_back(
        self, run: str, copy: Copy, leaks: Callable[[bytes], bool] | None
    ) -> Captured | None:
        captured = None
        try:
            if leaks is not None:
                captured = copy.look()
                if captured.root != copy.root:
                    self._keep(run, captured, leaks)
        except BaseException:
            captured = None
            raise
        finally:
            self._copies.give_back(copy, captured)
        return captured

    async def merge(self, run: str, base: str, ours: str, theirs: str) -> tuple[str, list[Files]]:
        """Merge two trees of a run, durably; what both changed is kept twice.

        Returns:
            The merged root, and the overlaps as ``files.conflicted`` has them.
        """

        def work() -> tuple[str, list[Files]]:
            merged = merge(base, ours, theirs, self.read)
            if merged.trees:
                self._store.add_blobs(run, merged.trees, merged.parts)
            elif self._store.hold(run, [merged.root]):
                raise AssertionError("a tree that was there has gone")
            return merged.root, [
                {"path": overlap.path, "kept": overlap.kept, "beside": overlap.beside}
                for overlap in merged.overlaps
            ]

        return await asyncio.to_thread(work)


_EMPTY = codecs.digest(EMPTY)


def _text(content: bytes) -> str | None:
    """A text as programs are read: without a mark, and with plain ends of lines."""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return None


def _leak(what: str) -> InvalidInput:
    hint = "Secrets are stored nowhere; have the tool send it instead."
    return InvalidInput(f"{what} would hold a secret of the run", hint=hint)


def _is_sound(path: str) -> bool:
    return all(is_name(name) and not is_private(name) for name in path.split("/"))


def _said(skipped: Sequence[tuple[str, str]]) -> list[list[str]]:
    told = [list(pair) for pair in skipped[:MOST_SAID]]
    if more := len(skipped) - len(told):
        told.append(["…", f"and {more} more"])
    return told
