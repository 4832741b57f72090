"""Looks at a workspace's log and mends it, while no other process owns the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from neurectomy.storage import salvage
from neurectomy.storage.open import open_store
from neurectomy.storage.presence import check_file
from neurectomy.timeline.examining import examine
from neurectomy.timeline.mending import Mended, mend
from neurectomy.workspace.lock import FOLDER, WorkspaceLock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from neurectomy.workspace.settings import Settings

    Told = Callable[[int, int], None]


class Problem(Struct, frozen=True):
    """Something that is wrong with a log; ``run`` is empty where it is about no run."""

    run: str
    text: str


class Repaired(Struct, frozen=True):
    """What was wrong, and what was done.

    Attributes:
        problems: As they were found.
        done: In the order in which it was done.
        backup: Where the database is as it was; empty where it was not changed, or is PostgreSQL's.
    """

    problems: tuple[Problem, ...]
    done: tuple[Mended, ...] = ()
    backup: str = ""


def look(root: Path, settings: Settings, told: Told) -> Repaired:
    """Examine a workspace's log and change nothing of it. Blocking.

    Raises:
        WorkspaceLocked: Another process owns it.
        StorageError: A later program wrote it, or it cannot be opened.
    """
    return _work(root, settings, told, None)


def repair(root: Path, settings: Settings, told: Told, stamp: str) -> Repaired:
    """Mend a workspace's log. Blocking.

    Before the first change the database is copied. Events that cannot stay and the bytes of
    damaged blobs are set aside; both are in a folder below ``.neurectomy`` that has ``stamp``.

    Raises:
        WorkspaceLocked: Another process owns it.
        StorageError: A later program wrote it, nothing of it can be read, or there is no room.
    """
    return _work(root, settings, told, stamp)


def _work(root: Path, settings: Settings, told: Told, stamp: str | None) -> Repaired:
    lock = WorkspaceLock(root)
    lock.acquire()
    try:
        path = root / FOLDER / "log.db"
        found: list[Problem] = []
        done: list[Mended] = []
        backup = root / FOLDER / "backups" / stamp if stamp else None
        sqlite = not settings.database_url
        if sqlite:
            check_file(path, root / FOLDER / "blobs")
        if sqlite and path.exists() and (torn := salvage.problems(path)):
            found += [Problem("", f"log.db: {text}") for text in torn]
            if backup is None:
                return Repaired(tuple(found))
            salvage.copy(path, backup)
            counts = salvage.salvage(path)
            done.append(
                Mended("", f"log.db was written anew from what can be read: {_told(counts)}")
            )
        store = open_store(root / FOLDER, settings.durability, settings.database_url)
        try:
            report = examine(store, told)
            found += [Problem(run, text) for run, text in report.problems()]
            if backup is not None and report.problems():
                if sqlite and not backup.exists():
                    store.close()
                    salvage.copy(path, backup)
                    store = open_store(root / FOLDER, settings.durability)
                done += mend(store, report, root / FOLDER / "set-aside" / str(stamp))
        finally:
            store.close()
        saved = str(backup) if backup is not None and backup.exists() else ""
        return Repaired(tuple(found), tuple(done), saved)
    finally:
        lock.release()


def _told(counts: dict[str, int]) -> str:
    return f"{counts['runs']} runs, {counts['events']} events, {counts['blobs']} blobs"
