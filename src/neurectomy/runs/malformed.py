"""A log whose events match their hashes and still are none of this program: told as damage."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neurectomy.core.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)


@contextmanager
def telling() -> Iterator[None]:
    """Turn what reading a malformed log raises into what a user can be told.

    Raises:
        Damaged: An event or state lacks what it must have, or it is of a wrong type.
    """
    try:
        yield
    except (LookupError, TypeError, AttributeError, ValueError, AssertionError) as error:
        logger.warning("a log has what nothing here reads", exc_info=True)
        message = f"the log is malformed ({type(error).__name__}: {str(error)[:100]})"
        hint = "Look at the events: neurectomy runs show RUN --events; or delete the run."
        raise Damaged(message, hint=hint) from error
