"""Operations as HTTP routes, and errors as problem documents (RFC 9457)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from neurectomy.core import codecs
from neurectomy.core.errors import InvalidInput, NeurectomyError
from neurectomy.server.operations import OPERATIONS
from neurectomy.server.transfers import Download, Upload, no_room, passage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from starlette.requests import Request

    from neurectomy.server.context import Services
    from neurectomy.server.operation import Operation

logger = logging.getLogger(__name__)


def routes(services: Services) -> list[Route]:
    """One route per operation."""
    return [
        Route(operation.path, endpoint(operation, services), methods=[operation.method])
        for operation in OPERATIONS
    ]


def endpoint(operation: Operation, services: Services) -> Callable[[Request], Awaitable[Response]]:
    """The ASGI endpoint of an operation."""
    takes_file = operation.takes is Upload
    takes = None if takes_file else operation.takes
    decoder = None if takes is None else msgspec.json.Decoder(takes)

    async def answer(request: Request) -> Response:
        received: Path | None = None
        try:
            arguments = dict(request.path_params)
            for parameter in operation.query:
                arguments[parameter.name] = _query(request, parameter)
            if decoder is not None:
                arguments["body"] = _decode(decoder, await request.body() or b"{}")
            if takes_file:
                received = await asyncio.to_thread(passage, services)
                await _receive(request, received)
                arguments["body"] = Upload(received)
            result = await operation.handler(services, **arguments)
        except NeurectomyError as error:
            return problem(error)
        except ClientDisconnect:
            return problem(InvalidInput("the body broke off", hint="Send at most 8 MB at a time."))
        except Exception:
            logger.exception("%s failed; this is a defect of the program", operation.name)
            hidden = NeurectomyError(
                "something went wrong inside", hint="Look at the server's log."
            )
            return problem(hidden)
        finally:
            if received is not None:
                received.unlink(missing_ok=True)
        if isinstance(result, Download):
            removal = BackgroundTask(result.path.unlink, missing_ok=True)
            return FileResponse(result.path, filename=result.name, background=removal)
        if operation.gives is None:
            return Response(status_code=operation.status)
        return json_response(result, operation.status)

    return answer


async def _receive(request: Request, path: Path) -> None:
    """Write a body into a file as it comes."""
    try:
        with path.open("wb") as file:
            async for piece in request.stream():
                await asyncio.to_thread(file.write, piece)
    except OSError as error:
        raise no_room(error) from error


def _query(request: Request, parameter: Any) -> Any:
    text = request.query_params.get(parameter.name)
    if text is None:
        return parameter.default
    try:
        return parameter.kind(text)
    except ValueError:
        raise InvalidInput(f"{parameter.name} is not a number", hint=parameter.help) from None


def _decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(f"the body is wrong: {error}", hint="See /docs.") from None


def json_response(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(codecs.encode(value), status, media_type="application/json")


def problem(error: NeurectomyError) -> Response:
    """An error as a problem document."""
    document = {
        "type": f"urn:neurectomy:error:{error.code}",
        "title": type(error).__name__,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "hint": error.hint,
        "details": error.details,
    }
    return Response(codecs.encode(document), error.status, media_type="application/problem+json")
