"""What the source of a model may be, as far as that can be said without asking anybody."""

from __future__ import annotations

from neurectomy.language.hints import closest

BUILT_IN = ("auto", "offline")
"""Sources that an agent may name without a declaration."""

PROVIDERS = ("openai", "anthropic", "ollama", "lmstudio", "llamacpp")
"""Those of `neurectomy.models.sources`, which to load takes longer than to check a program."""

_FAMILIES = {"gpt": "openai", "chatgpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai",
             "claude": "anthropic"}  # fmt: skip
"""Providers by how the names of their models begin."""


def problem(source: str) -> tuple[str, str] | None:
    """What is wrong with a source, with a hint; null where nothing is."""
    if source in BUILT_IN:
        return None
    provider, separator, name = source.partition(":")
    listed = f'Write auto, offline, or "provider:name" with one of: {", ".join(PROVIDERS)}.'
    if not separator:
        family = source.partition("-")[0].lower()
        if source in PROVIDERS:
            hint = f'Say which of its models, such as "{source}:name".'
        elif family in _FAMILIES:
            hint = f'Did you mean "{_FAMILIES[family]}:{source}"?'
        else:
            hint = closest(source, BUILT_IN, listed)
        return f"{source or 'the source'} has no provider", hint
    if provider not in PROVIDERS:
        close = closest(provider, PROVIDERS, listed)
        return f"there is no provider {provider or 'without a name'}", close
    if not name.strip():
        return "the source names no model", f'Write it after the colon, such as "{provider}:name".'
    return None
