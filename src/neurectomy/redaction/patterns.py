"""What secrets look like: the formats of well-known keys, and patterns of the user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from neurectomy.core.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_PATTERN = 1000
"""Characters of a user's pattern."""

MOST_PATTERNS = 100
"""Patterns that a user may have."""

LONGEST_WORDS = 4
"""Words that a match of a built-in format goes over at most, private key blocks aside."""


class Format(Struct, frozen=True):
    """A kind of secret.

    Attributes:
        name: What stands in its place says this.
        literals: Texts of which one is in everything that the pattern matches; looking for them is
            cheaper by far than the pattern.
        pattern: Takes time in proportion to the text, whatever the text: each match begins at a
            literal that cannot occur within the repetition after it, or fails within a few steps.
    """

    name: str
    literals: tuple[str, ...]
    pattern: str


BLOCK_BEGIN = "-----BEGIN "

FORMATS = (
    Format(
        "private key",
        (BLOCK_BEGIN,),
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?s:.)*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    Format("Anthropic key", ("sk-ant-",), r"(?<![A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{20,}"),
    Format(
        "OpenAI key",
        ("sk-",),
        r"(?<![A-Za-z0-9])sk-(?:(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,})",
    ),
    Format(
        "AWS key",
        ("AKIA", "ASIA", "ABIA", "ACCA"),
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])",
    ),
    Format(
        "GitHub token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    Format("GitLab token", ("glpat-",), r"(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,}"),
    Format("Google key", ("AIza",), r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}"),
    Format("Google token", ("ya29.",), r"(?<![A-Za-z0-9])ya29\.[A-Za-z0-9_-]{20,}"),
    Format("Hugging Face token", ("hf_",), r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}"),
    Format("npm token", ("npm_",), r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36,}"),
    Format("Python index token", ("pypi-",), r"(?<![A-Za-z0-9])pypi-[A-Za-z0-9_-]{50,}"),
    Format("Slack token", ("xox",), r"(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    Format(
        "Stripe key",
        ("_live_", "_test_"),
        r"(?<![A-Za-z0-9])[srp]k_(?:live|test)_[A-Za-z0-9]{16,}",
    ),
    Format(
        "JSON web token",
        ("eyJ",),
        r"(?<![\w-])eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]{8,}+",
    ),
    Format(
        "bearer token",
        ("earer", "EARER"),
        r"(?<![A-Za-z0-9])(?:[Bb]earer|BEARER)[ \t]{1,8}[A-Za-z0-9._~+/-]{20,}={0,2}",
    ),
    Format(
        "basic credentials",
        ("asic ", "ASIC "),
        r"(?i:authorization\"?:[ \t]{0,8}\"?basic)[ \t]{1,8}[A-Za-z0-9+/]{8,}={0,2}",
    ),
    Format("credentials", ("://",), r"(?<=://)[^\s/:@\"'<>]{0,64}:[^\s/@\"'<>]{1,256}(?=@)"),
)
"""Formats that are looked for unless the user says otherwise, in this order."""

_OVER_SPACES = re.compile(r"\.|\s|\\[sSWDPpxntrfvBCQE]|\[\^|\[\[|\(\?")
"""What a pattern has that may match a space, judged from its text; rather too often."""


def compile_own(pattern: str) -> Callable[[str, str], str]:
    """A user's pattern: takes what stands in place of a match, and a text.

    Raises:
        InvalidInput: It is none, is too long, or matches the empty text.
        Unavailable: The engine is not installed.
    """
    compiled = _compiled(pattern)

    def substitute(mark: str, text: str) -> str:
        replaced: str = compiled.sub(lambda _: mark, _whole(text))
        return replaced

    return substitute


def find_own(pattern: str) -> Callable[[str], list[str]]:
    """What a user's pattern matches in a text, as `compile_own`."""
    compiled = _compiled(pattern)

    def matches(text: str) -> list[str]:
        return [found.group() for found in compiled.finditer(_whole(text))]

    return matches


def _whole(text: str) -> str:
    """The text without halves of surrogate pairs, which the engine cannot be given."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _compiled(pattern: str) -> Any:
    """A user's pattern for RE2, whose time grows with the text and not beyond.

    A pattern from a settings file must not be able to stop a server.

    Raises:
        InvalidInput: It is none, is too long, or matches the empty text.
        Unavailable: The engine is not installed.
    """
    if len(pattern) > MOST_PATTERN:
        message = f"a pattern has {len(pattern)} characters"
        raise InvalidInput(message, hint=f"Write it with at most {MOST_PATTERN}.")
    try:
        import re2
    except ImportError:
        raise Unavailable(
            "patterns need an engine that no pattern can stop",
            hint='Install it with: pip install "neurectomy[patterns]"',
        ) from None
    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Any = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        message = f"the pattern {pattern!r} cannot be used: {reason}"
        hint = "It is RE2's syntax: without back references and without looking around."
        raise InvalidInput(message, hint=hint) from None
    if compiled.search("") is not None:
        hint = "Write what a match has at least, such as ACME-[0-9]{8}."
        raise InvalidInput(f"the pattern {pattern!r} matches the empty text", hint=hint)
    return compiled


def may_match_spaces(pattern: str) -> bool:
    """Whether a match of a user's pattern may go over a space or the end of a line."""
    return _OVER_SPACES.search(pattern) is not None
