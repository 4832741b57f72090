"""A log with everything in it that a file must carry: forks, blobs, folders, keyframes."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from neurectomy.core import codecs
from neurectomy.core.clock import SystemClock
from neurectomy.core.ids import new_id
from neurectomy.snapshots import tree
from neurectomy.storage.port import RunRow, Store
from neurectomy.timeline.archive import ArchiveWriter
from neurectomy.timeline.event import Draft
from neurectomy.timeline.exporting import export_runs
from neurectomy.timeline.importing import Imported, import_runs
from neurectomy.timeline.log import Log

CLOCK = SystemClock()
PROGRAM = b'{"path":"a.agent"}'
LARGE = random.Random(1).randbytes(256_000)
"""So large when it is packed that it is a file of its own."""


def row(**changes: Any) -> RunRow:
    values = {
        "id": new_id(CLOCK),
        "flow": "f",
        "program": codecs.digest(PROGRAM),
        "meaning": "m",
        "source": "agents/a.agent",
        "title": "Why?",
        "status": "running",
        "created_us": CLOCK.wall(),
        "labels": {"a": "b"},
    }
    return RunRow(**values | changes)


def first() -> Draft:
    state = {"status": "running", "accounts": {"tokens": 1}, "list": [], "value": None}
    return Draft("run.created", "f", {}, [["set", [], state]])


def fill(writer: Any, count: int, start: int = 0) -> None:
    """Append events that bind values, every tenth of them a large one."""
    for n in range(start, start + count):
        value = writer.values.intern([f"item {n}"] * (500 if n % 10 == 0 else 1))
        patch = [["add", ["list"], n], ["put", ["value"], "value"]]
        writer.append(Draft("value.bound", f"f/a[{n}]", {"value": value}, patch))


def folder(writer: Any, store: Store) -> None:
    """Name a folder with a small and a large file, as a capture does."""
    contents = {codecs.digest(c): c for c in (b"small", LARGE)}
    entries = [
        tree.Entry(f"{n}.bin", "file", d, len(contents[d])) for n, d in enumerate(sorted(contents))
    ]
    below = tree.encode(entries)
    root = tree.encode([tree.Entry("data", "tree", codecs.digest(below), 256_005)])
    contents |= {codecs.digest(below): below, codecs.digest(root): root}
    parts = {
        codecs.digest(below): [entry.digest for entry in entries],
        codecs.digest(root): [codecs.digest(below)],
    }
    store.add_blobs(writer.run, contents, parts)
    data = {"root": codecs.digest(root)}
    writer.append(Draft("files.changed", "f/a", data, [["put", ["files"], "root"]]))


def end(writer: Any) -> None:
    writer.append(Draft("run.finished", "f", {}, [["set", ["status"], "finished"]]))


class World:
    """A parent of 300 events, a fork of it, and a fork of the fork."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.log = Log(store, CLOCK, "test")
        self.parent = self.fork = self.last = ""

    async def make(self) -> World:
        writer = await self.log.create(row(), {codecs.digest(PROGRAM): PROGRAM})
        self.parent = writer.run
        writer.append(first())
        folder(writer, self.store)
        fill(writer, 297)
        end(writer)
        await writer.barrier()
        await self.log.release(writer)
        self.fork = await self._forked(self.parent, 250, 60)
        self.last = await self._forked(self.fork, 280, 0)
        return self

    async def _forked(self, parent: str, at: int, count: int) -> str:
        made = self.store.fork_run(parent, at, row())
        writer = await self.log.open(made.id)
        writer.append(Draft("run.forked", "", {"run": parent}, [["set", ["status"], "running"]]))
        fill(writer, count, at)
        await writer.barrier()
        await self.log.release(writer)
        return made.id


def exported(store: Store, *runs: str) -> bytes:
    file = io.BytesIO()
    export_runs(store, runs, file)
    return file.getvalue()


def taken_in(store: Store, content: bytes, folder: Path) -> Imported:
    path = folder / "file.nrun"
    path.write_bytes(content)
    return import_runs(store, path, lambda *_: None)


def changed(content: bytes, change: Callable[[dict[str, bytes]], Any]) -> bytes:
    """The file with other members, sealed again: what somebody who means it would send."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members = change(members) or members
    file = io.BytesIO()
    writer = ArchiveWriter(file)
    for name, member in members.items():
        writer.add(name, [member])
    writer.seal()
    return file.getvalue()


def with_manifest(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    """A change of the manifest's fields."""

    def change(members: dict[str, bytes]) -> None:
        manifest = msgspec.json.decode(members["manifest.json"])
        members["manifest.json"] = msgspec.json.encode(manifest | changes)

    return change


def with_run(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    """A change of what the manifest says of its first run."""

    def change(members: dict[str, bytes]) -> None:
        manifest = msgspec.json.decode(members["manifest.json"])
        manifest["runs"][0] |= changes
        members["manifest.json"] = msgspec.json.encode(manifest)

    return change
