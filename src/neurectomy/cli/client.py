"""Where a command's work is done: in this process, or by the server that owns the workspace."""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import asynccontextmanager
from typing import IO, TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import msgspec

from neurectomy.core.errors import Conflict, NeurectomyError, NotFound, WorkspaceLocked
from neurectomy.workspace.lock import FOLDER, read_owner
from neurectomy.workspace.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    import httpx2 as httpx

    from neurectomy.server.context import Services
    from neurectomy.server.operation import Operation


class Client(Protocol):
    """Calls operations by name; results are plain data."""

    async def call(self, operation: str, /, body: Any = None, **arguments: Any) -> Any:
        """Call an operation of `neurectomy.server.operations`."""
        ...

    async def download(self, operation: str, target: IO[bytes], /, **arguments: Any) -> None:
        """Call an operation that gives a file, and write it to ``target``."""
        ...

    async def upload(self, operation: str, file: Path, /) -> Any:
        """Call an operation that takes a file."""
        ...

    def follow(self, run: str, after: int = 0) -> AsyncGenerator[dict[str, Any]]:
        """Frames of a run's stream: ``events``, ``deltas``, until it has ended or waits."""
        ...


class RemoteError(NeurectomyError):
    """An error that the server answered with."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail", "the server failed"), hint=problem.get("hint", ""))
        self.details = problem.get("details", {})
        self.code = problem.get("code", "error")  # type: ignore[misc]  # of this one
        self.exit_code = _exit_codes().get(self.code, 1)  # type: ignore[misc]  # of this one


def _exit_codes() -> dict[str, int]:
    found, waiting = {}, [NeurectomyError]
    while waiting:
        kind = waiting.pop()
        found[kind.code] = kind.exit_code
        waiting += kind.__subclasses__()
    return found


class LocalClient:
    """Operations on services of this process."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def call(self, operation: str, /, body: Any = None, **arguments: Any) -> Any:
        found = _operation(operation)
        values = {parameter.name: parameter.default for parameter in found.query} | arguments
        if found.takes is not None:
            given = {} if body is None else body
            fits = isinstance(given, found.takes)
            values["body"] = given if fits else msgspec.convert(given, found.takes)
        return msgspec.to_builtins(await found.handler(self._services, **values))

    async def download(self, operation: str, target: IO[bytes], /, **arguments: Any) -> None:
        found = _operation(operation)
        made = await found.handler(self._services, **arguments)
        try:
            with made.path.open("rb") as file:
                shutil.copyfileobj(file, target)
        finally:
            made.path.unlink(missing_ok=True)

    async def upload(self, operation: str, file: Path, /) -> Any:
        from neurectomy.server.transfers import Upload

        return await self.call(operation, Upload(file))

    async def follow(self, run: str, after: int = 0) -> AsyncGenerator[dict[str, Any]]:
        async for events in self._services.runs.motions.follow(run, after):
            row = await self._services.runs.row(run)
            yield {
                "type": "events",
                "events": [msgspec.to_builtins(event) for event in events],
                "status": row.status,
            }


class RemoteClient:
    """Operations by HTTP."""

    def __init__(self, http: httpx.AsyncClient, address: str, token: str) -> None:
        self._http = http
        self._address = address
        self._token = token

    async def call(self, operation: str, /, body: Any = None, **arguments: Any) -> Any:
        found = _operation(operation)
        names = re.findall(r"\{(\w+)", found.path)
        path = re.sub(
            r"\{(\w+)(:path)?\}",
            lambda part: quote(str(arguments[part[1]]), safe="/" if part[2] else ""),
            found.path,
        )
        query = {name: value for name, value in arguments.items() if name not in names}
        response = await self._http.request(found.method, path, params=query, json=body)
        if response.status_code >= 400:
            raise RemoteError(_problem(response))
        return response.json() if response.content else None

    async def download(self, operation: str, target: IO[bytes], /, **arguments: Any) -> None:
        found = _operation(operation)
        async with self._http.stream(found.method, found.path, params=arguments) as response:
            if response.status_code >= 400:
                await response.aread()
                raise RemoteError(_problem(response))
            async for piece in response.aiter_bytes():
                target.write(piece)

    async def upload(self, operation: str, file: Path, /) -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            with file.open("rb") as opened:
                while piece := opened.read(1 << 20):
                    yield piece

        found = _operation(operation)
        response = await self._http.request(found.method, found.path, content=pieces())
        if response.status_code >= 400:
            raise RemoteError(_problem(response))
        return response.json()

    async def follow(self, run: str, after: int = 0) -> AsyncGenerator[dict[str, Any]]:
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        address = self._address.replace("http", "ws", 1)
        url = f"{address}/api/runs/{quote(run, safe='')}/stream?after={after}"
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            async with connect(url, additional_headers=headers, max_size=None) as socket:
                async for text in socket:
                    frame: dict[str, Any] = msgspec.json.decode(text)
                    if frame["type"] == "end":
                        return
                    if frame["type"] == "error":
                        raise RemoteError({**frame, "detail": frame["message"]})
                    yield frame
        except (WebSocketException, OSError) as error:
            hint = f"Start it again, and go on with: neurectomy runs resume {run}"
            raise Conflict(f"the server is gone: {error}", hint=hint) from error


def _operation(name: str) -> Operation:
    from neurectomy.server.operations import OPERATIONS

    return next(one for one in OPERATIONS if one.name == name)


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        problem: dict[str, Any] = response.json()
    except ValueError:
        return {"detail": f"the server answered {response.status_code}"}
    return problem


@asynccontextmanager
async def connect(root: Path, *, create: bool = False) -> AsyncIterator[Client]:
    """A client of a workspace: of its server where one owns it, else of this process.

    Args:
        root: The workspace.
        create: Whether a folder that was never opened becomes one.

    Raises:
        NotFound: The folder was never opened.
        WorkspaceLocked: Another command, which serves nobody, is at work.
    """
    owner = await asyncio.to_thread(read_owner, root)
    if owner is None:
        if not create and not (root / FOLDER).is_dir():
            hint = "Name the workspace with --workspace, or run something in it first."
            raise NotFound(f"nothing has ever run in {root}", hint=hint)
        from neurectomy.app.services import open_services

        settings = await asyncio.to_thread(read_settings, root)
        async with open_services(root, settings) as services:
            yield LocalClient(services)
        return
    if not owner.address:
        raise WorkspaceLocked(
            f"process {owner.pid} is at work in {root}", hint="Wait until it is done."
        )
    import httpx2 as httpx

    headers = {"Authorization": f"Bearer {owner.token}"}
    async with httpx.AsyncClient(
        base_url=owner.address, headers=headers, timeout=600, trust_env=False
    ) as http:
        try:
            yield RemoteClient(http, owner.address, owner.token)
        except httpx.TransportError as error:
            raise Conflict(
                f"the server at {owner.address} does not answer: {error}",
                hint=f"It is process {owner.pid}; start it again.",
            ) from error
