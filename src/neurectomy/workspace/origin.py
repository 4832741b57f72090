"""Whether a workspace's log was made by this user here, or came with a folder from elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from neurectomy.workspace.lock import FOLDER
from neurectomy.workspace.settings import settings_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEY = "machine.key"
"""The user's secret, beside their settings; it never leaves the machine."""

MARK = "origin"
"""The file of a workspace that only who has the secret can have written."""


class Origin:
    """The mark of one workspace.

    Args:
        root: The workspace, opened.
        environment: The process's where null.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] | None = None) -> None:
        self._mark = root / FOLDER / MARK
        self._key = settings_folder(os.environ if environment is None else environment) / KEY

    def ours(self) -> bool:
        """Whether the mark is there and this user's."""
        try:
            nonce, _, given = self._mark.read_text("ascii").partition(":")
            return hmac.compare_digest(given, _sign(self._key.read_bytes(), nonce))
        except (OSError, ValueError):
            return False

    def adopt(self) -> None:
        """Mark the workspace as this user's; without a place for the secret, it stays unmarked."""
        with suppress(OSError):
            nonce = secrets.token_hex(16)
            self._mark.write_text(f"{nonce}:{_sign(self._secret(), nonce)}", "ascii")

    def _secret(self) -> bytes:
        self._key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            handle = os.open(self._key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
        return self._key.read_bytes()


def _sign(key: bytes, nonce: str) -> str:
    return hmac.new(key, nonce.encode("ascii"), hashlib.sha256).hexdigest()
