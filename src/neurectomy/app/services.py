"""The services of one opened workspace, wired."""

from __future__ import annotations

import asyncio
import os
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from neurectomy.core.clock import SystemClock
from neurectomy.models.sources import Models
from neurectomy.redaction.redactor import Redactor
from neurectomy.runs.experiments import Experiments
from neurectomy.runs.service import Runs
from neurectomy.sandboxes.select import Sandboxes
from neurectomy.server.context import Services
from neurectomy.storage.open import open_store
from neurectomy.timeline.log import Log
from neurectomy.workspace.lock import FOLDER, WorkspaceLock
from neurectomy.workspace.origin import Origin
from neurectomy.workspace.programs import Programs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from neurectomy.workspace.settings import Settings


@asynccontextmanager
async def open_services(root: Path, settings: Settings) -> AsyncIterator[Services]:
    """Own a workspace for as long as the block runs.

    Raises:
        InvalidInput: A pattern of redaction cannot be used.
        WorkspaceLocked: Another process owns it.
        StorageError: Its database cannot be opened.
    """
    redactor = Redactor(settings.redaction)
    lock, is_new = WorkspaceLock(root), not (root / FOLDER).exists()
    await asyncio.to_thread(lock.acquire)
    try:
        if is_new:
            await asyncio.to_thread(Origin(root).adopt)
        store = await asyncio.to_thread(
            open_store, root / FOLDER, settings.durability, settings.database_url
        )
        clock = SystemClock()
        log = Log(store, clock, f"{os.getpid()}-{secrets.token_hex(4)}")
        models, sandboxes = Models(preferred=settings.model), Sandboxes()
        runs = Runs(
            log, models, sandboxes, root, clock, redactor=redactor, sole=store.name == "sqlite"
        )
        experiments = Experiments(runs, clock)
        try:
            programs = Programs(root)
            yield Services(settings, programs, log, runs, experiments, models, sandboxes, lock)
        finally:
            await experiments.close()
            await runs.motions.close()
            await models.close()
            await log.close()
            await asyncio.to_thread(store.close)
    finally:
        lock.release()
