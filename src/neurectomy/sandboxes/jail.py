"""What every jail shares: it is probed by a real call, and never opens the network."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from neurectomy.core.errors import NeurectomyError, Unavailable
from neurectomy.sandboxes.port import Availability, Limits, SessionSpec
from neurectomy.sandboxes.session import WorkerSession, private_folder
from neurectomy.sandboxes.sources import Sources

if TYPE_CHECKING:
    from neurectomy.sandboxes.port import Session, Tier

INSIDE = Path(__file__).with_name("inside")
"""The folder of what runs in the jail."""

PROBE = Path(__file__).with_name("probe.py")


class Jail(ABC):
    """Implements `neurectomy.sandboxes.port.Sandbox`; a subclass starts the worker.

    Attributes:
        needs_folder: Whether calls write to a folder of this machine rather than one inside.
        detail: What people should know of this jail where it works.
    """

    name: str
    tier: Tier = "jail"
    needs_folder = True
    detail = ""

    @abstractmethod
    def obstacle(self) -> str:
        """Why it cannot work on this machine, before anything is tried; else empty."""

    @abstractmethod
    async def launch(self, spec: SessionSpec, folder: str) -> asyncio.subprocess.Process:
        """Start a worker with pipes for its standard input, output and error."""

    def shown(self, root: Path) -> object:
        """What of ``root`` the jail was built on; where it differs, a new session is needed."""
        return None

    async def probe(self) -> Availability:
        if reason := self.obstacle():
            return Availability(False, reason)
        try:
            session = await self.open(SessionSpec(PROBE, PROBE.parent))
        except NeurectomyError as error:
            return Availability(False, f"{self.name}: {error.message}")
        try:
            outcome = await session.call("probe", {}, Limits(wall_ms=20_000))
        finally:
            await session.close()
        if outcome.value != {"network": False, "written": False}:
            found = outcome.value or outcome.error
            return Availability(False, f"{self.name} does not hold: {found}")
        return Availability(True, detail=self.detail)

    async def open(self, spec: SessionSpec) -> Session:
        if spec.network:
            raise Unavailable(
                f"the jail cannot open the network to {', '.join(spec.network)} only",
                hint="Remove `network` from the tool; this sandbox gives all hosts or none.",
            )
        folder = await asyncio.to_thread(private_folder) if self.needs_folder else ""
        sources = Sources(spec.code, spec.root, lambda: self.shown(spec.root))
        session = WorkerSession(lambda: self.launch(spec, folder), sources, folder)
        try:
            await session.start()
        except BaseException:
            await session.close()
            raise
        return session
