"""The ASGI application: the gate around operations, streams, GraphQL and the built page."""

from __future__ import annotations

import asyncio
import html
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

import neurectomy
from neurectomy.core.errors import NotFound
from neurectomy.server import rest
from neurectomy.server.gate import Gate
from neurectomy.server.graphql import graphql_routes
from neurectomy.server.openapi import document
from neurectomy.server.operations import OPERATIONS
from neurectomy.server.streams import RunStream, status_response
from neurectomy.storage.port import RunQuery

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp
    from starlette.websockets import WebSocket

    from neurectomy.server.context import Services

WEB = Path(__file__).with_name("web")
"""The built page."""


def create_app(services: Services, token: str) -> ASGIApp:
    """The application of one workspace.

    Args:
        services: Of the workspace.
        token: Whoever shows it may do everything.
    """
    app = Starlette(routes=all_routes(services))
    return Gate(app, token, [services.settings.host, *services.settings.allowed_hosts])


def all_routes(services: Services) -> list[BaseRoute]:
    """Every route there is."""

    async def health(request: Request) -> Response:
        return rest.json_response({"status": "ok", "version": neurectomy.__version__})

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(await _metrics(services), media_type="text/plain; version=0.0.4")

    async def openapi(request: Request) -> Response:
        return rest.json_response(document())

    async def docs(request: Request) -> Response:
        return HTMLResponse(_docs())

    async def status(request: Request) -> Response:
        return status_response(services, request)

    async def stream(socket: WebSocket) -> None:
        await RunStream(services, socket).serve()

    async def no_operation(request: Request) -> Response:
        return rest.problem(NotFound(f"there is no {request.url.path}", hint="See /docs."))

    return [
        Route("/health", health),
        Route("/metrics", metrics),
        Route("/openapi.json", openapi),
        Route("/docs", docs),
        Route("/api/status", status),
        WebSocketRoute("/api/runs/{run}/stream", stream),
        *rest.routes(services),
        Route("/api/{rest:path}", no_operation),
        *graphql_routes(services),
        Mount("/assets", StaticFiles(directory=WEB / "assets", check_dir=False)),
        Route("/{page:path}", _page),
    ]


async def _page(request: Request) -> Response:
    index = WEB / "index.html"
    if not await asyncio.to_thread(index.is_file):
        text = "The page is not built. Build it with: make web\n"
        return PlainTextResponse(text, 503)
    return FileResponse(index, headers={"cache-control": "no-cache"})


async def _metrics(services: Services) -> str:
    def read() -> tuple[int, int, int, int]:
        used = services.log.store.usage()
        live = services.log.store.runs(RunQuery(limit=1000, status=("running", "waiting")))
        return used.runs, used.events, used.database_bytes + used.blob_bytes, len(live)

    runs, events, size, live = await asyncio.to_thread(read)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    seconds = usage.ru_utime + usage.ru_stime
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    lines = []
    for name, kind, text, value in (
        ("neurectomy_runs", "gauge", "Runs in the workspace.", runs),
        ("neurectomy_runs_live", "gauge", "Runs that have not ended.", live),
        ("neurectomy_events", "gauge", "Events of all runs.", events),
        ("neurectomy_storage_bytes", "gauge", "Database and blobs.", size),
        (
            "process_cpu_seconds_total",
            "counter",
            "Processor time.",
            seconds,
        ),
        (
            "process_max_resident_memory_bytes",
            "gauge",
            "Most memory so far.",
            memory,
        ),
    ):
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]
    return "\n".join(lines) + "\n"


def _docs() -> str:
    rows = "".join(
        f"<tr><td><code>{o.method}</code></td><td><code>{html.escape(o.path)}</code></td>"
        f"<td>{html.escape(o.summary)}</td><td><code>{o.name}</code></td></tr>"
        for o in OPERATIONS
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Operations</title><style>"
        "body{font:15px/1.5 system-ui;margin:3rem auto;max-width:60rem;padding:0 1rem}"
        "td,th{padding:.3rem .8rem;text-align:left;border-bottom:1px solid #8883}"
        ":root{color-scheme:light dark}</style><h1>Operations</h1>"
        "<p>The whole document: <a href=/openapi.json>openapi.json</a>. GraphQL: "
        "<code>POST /graphql</code>. Send the token as a bearer token.</p>"
        f"<table><tr><th>Method<th>Path<th>What<th>Operation</tr>{rows}</table>"
    )
