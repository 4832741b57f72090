"""GraphQL over the same operations; bulk reads are better made by REST."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
import strawberry
from graphql import GraphQLError
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from strawberry.asgi import GraphQL
from strawberry.extensions import MaxAliasesLimiter, MaxTokensLimiter, QueryDepthLimiter
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionContext, Info

from neurectomy.core.errors import InvalidInput, NeurectomyError
from neurectomy.server import opened, recorded, runs, types
from neurectomy.server.context import Services
from neurectomy.server.rest import problem
from neurectomy.server.streams import COALESCE_SECONDS

logger = logging.getLogger(__name__)

CATCH_UP = 100
"""How many of the newest runs somebody gets who was too slow to be told of each change."""


@strawberry.type(description="An event of a run.")
class Event:
    seq: int
    kind: str
    version: int
    step: str
    causes: list[int]
    at: str = strawberry.field(description="Wall time, microseconds since the epoch.")
    mono: str = strawberry.field(description="Microseconds since the run's start.")
    data: JSON | None
    patch: JSON | None


@strawberry.type(description="A run.")
class Run:
    id: strawberry.ID
    flow: str
    source: str
    title: str
    status: str
    created: str = strawberry.field(description="Microseconds since the epoch.")
    ended: str | None
    head: int
    live: bool
    parent: JSON | None
    accounts: JSON
    labels: JSON
    result: JSON | None
    error: JSON | None

    @strawberry.field(description="Its events, in order.")
    async def events(self, info: Info, after: int = 0, limit: int = 100) -> list[Event]:
        page = await recorded.list_events(_services(info), str(self.id), after, limit)
        return [_event(event) for event in page.events]


@strawberry.type(description="A program of the workspace.")
class Program:
    path: str
    flows: list[str]
    errors: int
    warnings: int


def _services(info: Info) -> Services:
    services: Services = info.context["services"]
    return services


def _event(event: types.Event) -> Event:
    return Event(
        seq=event.seq,
        kind=event.kind,
        version=event.version,
        step=event.step,
        causes=list(event.causes),
        at=str(event.at),
        mono=str(event.mono),
        data=cast("JSON", event.data),
        patch=cast("JSON", event.patch),
    )


def _converted(changes: Any, at: int) -> types.ForkInput:
    """The body of a fork.

    Raises:
        InvalidInput: The changes are none.
    """
    try:
        return msgspec.convert({**changes, "at": at}, types.ForkInput)
    except (msgspec.ValidationError, TypeError, RecursionError) as error:
        raise InvalidInput(f"the changes are wrong: {error}", hint="See /docs.") from None


def _run(run: types.Run) -> Run:
    data: dict[str, Any] = msgspec.to_builtins(run)
    data["created"] = str(data["created"])
    data["ended"] = None if data["ended"] is None else str(data["ended"])
    return Run(**data)


async def _changed(services: Services, run: str) -> Run | None:
    """A run that changed; null where it was deleted, which no `Run` can say."""
    try:
        return _run(await runs.show_run(services, run))
    except NeurectomyError:
        return None


@strawberry.type
class Query:
    @strawberry.field(description="The opened folder.")
    async def workspace(self, info: Info) -> JSON:
        return msgspec.to_builtins(await opened.workspace(_services(info)))

    @strawberry.field(description="The programs of the workspace.")
    async def programs(self, info: Info) -> list[Program]:
        found = await opened.list_programs(_services(info))
        return [Program(**msgspec.to_builtins(summary)) for summary in found]

    @strawberry.field(description="A program with its graphs.")
    async def program(self, info: Info, path: str) -> JSON:
        return msgspec.to_builtins(await opened.show_program(_services(info), path))

    @strawberry.field(description="Runs, newest first.")
    async def runs(
        self,
        info: Info,
        limit: int = 100,
        before: str = "",
        status: str = "",
        search: str = "",
        parent: str = "",
    ) -> list[Run]:
        page = await runs.list_runs(_services(info), limit, before, status, search, parent)
        return [_run(run) for run in page.runs]

    @strawberry.field(description="One run.")
    async def run(self, info: Info, id: strawberry.ID) -> Run:  # noqa: A002 - the field's name
        return _run(await runs.show_run(_services(info), str(id)))

    @strawberry.field(description="The state of a run after an event; the last one by default.")
    async def state(self, info: Info, run: strawberry.ID, at: int = -1) -> JSON:
        return (await recorded.show_state(_services(info), str(run), at, whole=1)).state


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Start a run.")
    async def start_run(self, info: Info, program: str, inputs: JSON, flow: str = "") -> Run:
        body = types.StartInput(program, dict(inputs), flow)  # type: ignore[call-overload]
        return _run(await runs.start_run(_services(info), body))

    @strawberry.mutation(description="Ask a run to stop.")
    async def cancel_run(self, info: Info, run: strawberry.ID) -> Run:
        return _run(await runs.cancel_run(_services(info), str(run)))

    @strawberry.mutation(description="Go on with a run that nobody drives.")
    async def resume_run(self, info: Info, run: strawberry.ID) -> Run:
        body = types.ChangesInput()
        return _run(await runs.resume_run(_services(info), str(run), body))

    @strawberry.mutation(description="Give what a run waits for.")
    async def answer_run(
        self, info: Info, run: strawberry.ID, step: str, value: JSON | None = None
    ) -> Run:
        body = types.AnswerInput(step, value)
        return _run(await runs.answer_run(_services(info), str(run), body))

    @strawberry.mutation(description="A new run that shares the first events of another.")
    async def fork_run(
        self, info: Info, run: strawberry.ID, at: int, changes: JSON | None = None
    ) -> Run:
        given: Any = changes or {}
        body = _converted(given, at)
        return _run(await runs.fork_run(_services(info), str(run), body))

    @strawberry.mutation(description="Compute every decision again and compare.")
    async def replay_run(self, info: Info, run: strawberry.ID) -> JSON:
        found = await recorded.replay_run(_services(info), str(run), types.ReplayInput())
        return msgspec.to_builtins(found)

    @strawberry.mutation(description="Delete a run.")
    async def delete_run(self, info: Info, run: strawberry.ID) -> bool:
        await runs.delete_run(_services(info), str(run))
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription(description="Events of a run from a place in its log to its end.")
    async def run_events(
        self, info: Info, run: strawberry.ID, after: int = 0
    ) -> AsyncIterator[list[Event]]:
        services = _services(info)
        await services.runs.row(str(run))
        async for events in services.runs.motions.follow(str(run), after):
            yield [_event(event) for event in events]

    @strawberry.subscription(description="Runs as they change.")
    async def run_changes(self, info: Info) -> AsyncIterator[Run]:
        services = _services(info)
        with services.log.changed.subscribe() as subscription:
            while True:
                changed = await subscription.wait()
                if subscription.overflowed:
                    subscription.overflowed = False
                    page = await runs.list_runs(services, CATCH_UP, "", "", "", "")
                    changed = [*(run.id for run in reversed(page.runs)), *changed]
                for run in dict.fromkeys(changed):
                    found = await _changed(services, run)
                    if found is not None:
                        yield found
                await asyncio.sleep(COALESCE_SECONDS)


class _Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Our own errors carry their code and hint; they are answers, not defects to log."""
        others = []
        for error in errors:
            inner = error.original_error
            if isinstance(inner, NeurectomyError):
                error.extensions = {"code": inner.code, "hint": inner.hint}
            elif inner is not None:
                others.append(error)
        if others:
            super().process_errors(others, execution_context)


schema = _Schema(
    Query,
    Mutation,
    Subscription,
    config=StrawberryConfig(auto_camel_case=True),
    extensions=[
        lambda: MaxTokensLimiter(max_token_count=4000),
        lambda: MaxAliasesLimiter(max_alias_count=50),
        lambda: QueryDepthLimiter(max_depth=12),
    ],
)


class _App(GraphQL[Any, Any]):
    def __init__(self, services: Services) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            allow_queries_via_get=False,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
        )
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whatever is sent that is no GraphQL is refused, rather than a defect of ours."""
        try:
            await super().__call__(scope, receive, send)
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
            logger.info("a request was no GraphQL: %s", error)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 4400})
                return
            refused = InvalidInput("the request is no GraphQL", hint="See /docs.")
            await problem(refused)(scope, receive, send)

    async def get_context(self, request: Any, response: Any = None) -> dict[str, Any]:
        return {"services": self._services, "request": request, "response": response}


def graphql_routes(services: Services) -> list[BaseRoute]:
    """``/graphql`` over HTTP and over WebSocket."""
    app = _App(services)
    return [Route("/graphql", app, methods=["POST"]), WebSocketRoute("/graphql", app)]
