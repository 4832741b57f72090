"""What is to be redacted, as settings say it."""

from __future__ import annotations

from msgspec import Struct

KEYS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secret_key",
    "client_secret",
    "api_key",
    "access_key",
    "secret_access_key",
    "private_key",
    "encryption_key",
    "signing_key",
    "access_token",
    "refresh_token",
    "auth_token",
    "id_token",
    "session_token",
    "bearer_token",
    "api_token",
    "token",
    "authorization",
    "credentials",
    "set_cookie",
)
"""Names whose values are secrets, unless the user says otherwise."""


class Rules(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The table ``[redaction]`` of the settings.

    Attributes:
        keys: Names of fields whose values are secrets, besides the built-in ones. Letter case,
            hyphens and underscores do not count, and a name may have more before it: ``pin`` also
            stands for ``card_pin`` and ``cardPin``.
        patterns: What secrets look like, besides the built-in formats; in RE2's syntax.
        defaults: Whether the built-in names and formats count.
    """

    keys: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    defaults: bool = True

    def joined(self, more: Rules) -> Rules:
        """These rules and more: neither can take away what the other looks for by name or form."""
        keys = tuple(dict.fromkeys((*self.keys, *more.keys)))
        patterns = tuple(dict.fromkeys((*self.patterns, *more.patterns)))
        return Rules(keys, patterns, self.defaults and more.defaults)
