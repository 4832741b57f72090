"""What a server does once a day: delete what no rule keeps, reclaim what nothing refers to."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from neurectomy.core.errors import NeurectomyError
from neurectomy.server.transfers import CollectInput, collect

if TYPE_CHECKING:
    from neurectomy.server.context import Services

logger = logging.getLogger(__name__)

DAY_SECONDS = 86_400.0


async def keep_order(services: Services, first: float = 60.0, every: float = DAY_SECONDS) -> None:
    """Tidy again and again, until cancelled; what fails is tried again the next time.

    Args:
        services: Of the workspace.
        first: Seconds until the first time.
        every: Seconds between two times.
    """
    await asyncio.sleep(first)
    while True:
        try:
            done = await collect(services, CollectInput())
        except NeurectomyError as error:
            logger.warning("what is not needed could not be removed: %s", error.message)
        else:
            if done.expired:
                logger.warning("%d runs were deleted: no rule keeps them", len(done.expired))
        await asyncio.sleep(every)
