"""Finds a model by what a program writes: a provider, a runtime on this machine, or none."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2 as httpx
from msgspec import Struct

from neurectomy.core.errors import NotFound, Unavailable
from neurectomy.models.offline import OFFLINE, OfflineModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neurectomy.models.port import Model

PROBE_SECONDS = 0.8
"""How long a runtime on this machine may take to answer that it is there."""


class Runtime(Struct, frozen=True):
    """A server of local models that speaks OpenAI's protocol.

    Attributes:
        variable: Environment variable with its address; empty where it has none.
        address: Where it listens unless told otherwise.
    """

    name: str
    title: str
    variable: str
    address: str


RUNTIMES = (
    Runtime("ollama", "Ollama", "OLLAMA_HOST", "127.0.0.1:11434"),
    Runtime("lmstudio", "LM Studio", "LMSTUDIO_HOST", "127.0.0.1:1234"),
    Runtime("llamacpp", "llama.cpp", "LLAMACPP_HOST", "127.0.0.1:8080"),
)
PROVIDERS = {
    "openai": ("OPENAI_API_KEY", "gpt-5.6-luna"),
    "anthropic": ("ANTHROPIC_API_KEY", "claude-haiku-5-5"),
}
"""Providers with the variable of their key and the model that ``auto`` takes."""


class Source(Struct, frozen=True):
    """A model that could be used, for lists.

    Attributes:
        state: ``ready``, ``missing`` (a key or a server) or ``absent`` (nothing answers).
    """

    source: str
    label: str
    state: str
    reason: str = ""
    language_model: bool = True
    local: bool = True


class Models:
    """Implements `neurectomy.models.port.ModelSource`.

    Args:
        environment: Where keys and addresses are read from.
        preferred: What ``auto`` means, where the user has said so.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, preferred: str = "") -> None:
        self._environment = os.environ if environment is None else environment
        self._preferred = preferred or self._environment.get("NEURECTOMY_MODEL", "")
        self._resolved: dict[str, Model] = {}
        self._http: httpx.AsyncClient | None = None

    def _client(self) -> httpx.AsyncClient:
        """One pool of connections for every model."""
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=httpx.Timeout(600, connect=10))
        return self._http

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
        self._http = None
        self._resolved.clear()

    async def resolve(self, source: str) -> Model:
        if source == "auto":
            source = await self._auto()
        known = self._resolved.get(source)
        if known is None:
            known = self._resolved[source] = await self._make(source)
        return known

    async def _auto(self) -> str:
        if self._preferred and self._preferred != "auto":
            return self._preferred
        for provider, (key, name) in PROVIDERS.items():
            if self._environment.get(key):
                return f"{provider}:{name}"
        for runtime, names in await self._runtimes():
            if names:
                return f"{runtime.name}:{names[0]}"
        return "offline"

    async def _make(self, source: str) -> Model:
        if source == "offline":
            return OfflineModel()
        provider, separator, name = source.partition(":")
        runtime = next((one for one in RUNTIMES if one.name == provider), None)
        if not separator or not name or (runtime is None and provider not in PROVIDERS):
            known = ", ".join([*PROVIDERS, *(one.name for one in RUNTIMES)])
            raise NotFound(
                f"there is no model {source}",
                hint=f'Write auto, offline, or "provider:name" with one of: {known}.',
            )
        if runtime is not None:
            return await self._local(runtime, name)
        key = PROVIDERS[provider][0]
        if not self._environment.get(key):
            raise Unavailable(
                f"{source} needs a key in {key}", hint=f"Set {key}, or use: model ... = auto"
            )
        http = self._client()
        return await asyncio.to_thread(self._hosted, provider, name, key, http)

    def _hosted(self, provider: str, name: str, key: str, http: httpx.AsyncClient) -> Model:
        from neurectomy.models.hosted import HostedModel

        secret = self._environment[key]
        if provider == "openai":
            return HostedModel(
                _openai(name, self._base_url(), secret, http), f"openai:{name}", local=False
            )
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        claude = AnthropicModel(name, provider=AnthropicProvider(api_key=secret, http_client=http))
        return HostedModel(claude, f"anthropic:{name}", local=False)

    def _base_url(self) -> str | None:
        return self._environment.get("OPENAI_BASE_URL") or None

    def _address(self, runtime: Runtime) -> str:
        told = self._environment.get(runtime.variable, "") if runtime.variable else ""
        address = told or runtime.address
        return address if "://" in address else f"http://{address}"

    async def _local(self, runtime: Runtime, name: str) -> Model:
        names = await self._names(runtime)
        address = self._address(runtime)
        if names is None:
            raise Unavailable(
                f"{runtime.title} does not answer at {address}",
                hint=f"Start {runtime.title}, or set {runtime.variable}.",
            )
        if name not in names and f"{name}:latest" not in names:
            listed = ", ".join(names[:8]) or "none yet"
            raise NotFound(f"{runtime.title} has no model {name}", hint=f"It has: {listed}.")

        http = self._client()

        def make() -> Model:
            from neurectomy.models.hosted import HostedModel

            model = _openai(name, f"{address}/v1", "local", http)
            return HostedModel(model, f"{runtime.name}:{name}", local=True)

        return await asyncio.to_thread(make)

    async def _runtimes(self) -> list[tuple[Runtime, list[str]]]:
        """The runtimes that answer, with their models."""
        found = await asyncio.gather(*[self._names(runtime) for runtime in RUNTIMES])
        return [(r, names) for r, names in zip(RUNTIMES, found, strict=True) if names is not None]

    async def _names(self, runtime: Runtime) -> list[str] | None:
        """The models of a runtime; null where nothing answers as one."""
        try:
            urlsplit(self._address(runtime)).port  # noqa: B018 - raises where there is no such port
            async with httpx.AsyncClient(timeout=PROBE_SECONDS, trust_env=False) as client:
                response = await client.get(f"{self._address(runtime)}/v1/models")
                data: Any = response.json()
                return [str(item["id"]) for item in data["data"]]
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
            return None

    async def listing(self) -> list[Source]:
        """Every source with its state."""
        found = []
        for provider, (key, name) in PROVIDERS.items():
            ready = bool(self._environment.get(key))
            state, reason = ("ready", "") if ready else ("missing", f"{key} is not set")
            label = f"{provider}:{name}"
            found.append(Source(label, label, state, reason, local=False))
        for runtime in RUNTIMES:
            names = await self._names(runtime)
            if names is None:
                reason = f"nothing answers at {self._address(runtime)}"
                found.append(Source(runtime.name, runtime.title, "absent", reason))
            for name in names or ():
                label = f"{name} ({runtime.title})"
                found.append(Source(f"{runtime.name}:{name}", label, "ready"))
        found.append(Source("offline", OFFLINE.label, "ready", "", language_model=False))
        return found


def _openai(name: str, base_url: str | None, key: str, http: httpx.AsyncClient) -> Any:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=base_url, api_key=key, http_client=http)
    return OpenAIChatModel(name, provider=provider)
