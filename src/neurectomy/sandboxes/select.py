"""Which sandbox this machine has for a tier."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from neurectomy.core.errors import Unavailable
from neurectomy.sandboxes.bubblewrap import Bubblewrap
from neurectomy.sandboxes.landlock import Landlock
from neurectomy.sandboxes.seatbelt import Seatbelt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neurectomy.sandboxes.port import Availability, Sandbox


class Sandboxes:
    """Probes candidates once, in the order of preference, and remembers the first that holds."""

    def __init__(self, candidates: Sequence[Sandbox] | None = None) -> None:
        known: list[Sandbox] = [Bubblewrap(), Landlock(), Seatbelt()]
        self._candidates = known if candidates is None else list(candidates)
        self._found: dict[str, Availability] = {}
        self._lock = asyncio.Lock()

    async def probe(self) -> list[tuple[Sandbox, Availability]]:
        """Every candidate with what its probe said, up to the first that holds."""
        tried: list[tuple[Sandbox, Availability]] = []
        async with self._lock:
            for candidate in self._candidates:
                found = self._found.get(candidate.name)
                if found is None:
                    found = self._found[candidate.name] = await candidate.probe()
                tried.append((candidate, found))
                if found.ok:
                    break
        return tried

    async def choose(self, tier: str) -> Sandbox:
        """The sandbox for a tier.

        Raises:
            Unavailable: None works here; tools are refused rather than run without one.
        """
        tried = await self.probe()
        for candidate, found in tried:
            if found.ok and candidate.tier == tier:
                return candidate
        if tier != "jail":
            raise Unavailable(f"there is no sandbox of the tier {tier} here", hint="Use `in jail`.")
        reasons = "; ".join(found.reason for _, found in tried)
        raise Unavailable(
            f"tools run in a jail only, and none works here: {reasons}",
            hint="Install bubblewrap, then look at: neurectomy doctor",
        )
