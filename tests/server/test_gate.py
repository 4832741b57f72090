"""The gate: every route is closed without the token, from other hosts and from other sites."""

from __future__ import annotations

import re

import httpx2 as httpx
import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from neurectomy.app.serve import serve
from neurectomy.core.errors import Forbidden, InvalidInput
from neurectomy.server.application import all_routes
from neurectomy.server.gate import COOKIE, Gate
from neurectomy.workspace.settings import Settings
from tests.server.conftest import TOKEN

pytestmark = pytest.mark.anyio

AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


def concrete(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "x", path)


@pytest.fixture
async def anyone(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_every_http_route_is_closed(services, anyone) -> None:
    checked = 0
    for route in all_routes(services):
        if isinstance(route, Mount):
            methods, path = {"GET"}, f"{route.path}/x"
        elif isinstance(route, Route):
            methods, path = route.methods or {"GET"}, concrete(route.path)
        else:
            continue
        if path == "/health":
            continue
        for method in methods:
            for headers in (
                {},
                {"Authorization": "Bearer wrong"},
                {"Cookie": f"{COOKIE}=wrong"},
                {**AUTHORIZED, "Host": "evil.example"},
                {**AUTHORIZED, "Origin": "http://evil.example"},
                {**AUTHORIZED, "Origin": "null"},
                {**AUTHORIZED, "Host": "localhost:6387", "Origin": "http://localhost:1"},
            ):
                response = await anyone.request(method, path, headers=headers)
                assert response.status_code == 403, (method, path, headers)
                checked += 1
    assert checked > 150


async def dial(app, path: str, headers: list[tuple[bytes, bytes]]) -> dict:
    sent: list[dict] = []

    async def receive():
        return {"type": "websocket.connect"} if not sent else {"type": "websocket.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": path, "headers": headers, "query_string": b"",
             "subprotocols": ["graphql-transport-ws"], "scheme": "ws"}  # fmt: skip
    await app(scope, receive, send)
    return sent[0]


async def test_every_websocket_is_closed(services, app) -> None:
    paths = [concrete(r.path) for r in all_routes(services) if isinstance(r, WebSocketRoute)]
    assert len(paths) == 2
    token = (b"authorization", f"Bearer {TOKEN}".encode())
    for path in paths:
        for headers in (
            [(b"host", b"localhost")],
            [(b"host", b"localhost"), (b"cookie", b"neurectomy_token=wrong")],
            [(b"host", b"evil.example"), token],
            [(b"host", b"localhost"), (b"origin", b"http://evil.example"), token],
        ):
            answer = await dial(app, path, headers)
            assert answer["type"] == "websocket.close"
            assert answer["code"] == 4403


async def test_the_health_of_the_server_is_open_and_says_little(anyone) -> None:
    response = await anyone.get("/health")
    assert set(response.json()) == {"status", "version"}
    assert (await anyone.get("/health", headers={"Host": "evil.example"})).status_code == 403


async def test_a_forwarded_port_on_localhost_works(anyone) -> None:
    for host in ("localhost:9999", "127.0.0.1:1", "[::1]:8080"):
        headers = {**AUTHORIZED, "Host": host, "Origin": f"http://{host}"}
        assert (await anyone.get("/api/runs", headers=headers)).status_code == 200


async def test_an_opened_address_trades_its_token_for_a_cookie(anyone) -> None:
    response = await anyone.get(f"/?token={TOKEN}&run=1")
    assert response.status_code == 303
    assert response.headers["location"] == "/?run=1"
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    anyone.cookies.clear()
    name, _, value = cookie.partition(";")[0].partition("=")
    response = await anyone.get("/api/runs", headers={"Cookie": f"{name}={value}"})
    assert response.status_code == 200
    assert (await anyone.get("/?token=wrong")).status_code == 403
    again = await anyone.get(f"/?token={TOKEN}", headers={"Cookie": f"{name}={value}"})
    assert again.headers["location"] == "/"
    for path in ("//evil.example/", "/\\evil.example", "/%0d%0aset-cookie:x=1"):
        anyone.cookies.clear()
        answer = await anyone.get(f"http://localhost{path}?token={TOKEN}&a=%0d%0ab")
        location = answer.headers["location"]
        assert location[:2] not in ("//", "/\\")
        assert "evil.example" not in location[:3] + answer.headers.get("x", "")
        assert "\n" not in location


async def test_servers_on_other_ports_have_cookies_of_their_own(anyone) -> None:
    headers = {"Host": "localhost:7001"}
    entered = await anyone.get(f"http://localhost:7001/?token={TOKEN}", headers=headers)
    cookie = entered.headers["set-cookie"].partition(";")[0]
    anyone.cookies.clear()
    given = {"Cookie": f'neurectomy_token_7002=other; odd"; {cookie}'}
    assert (await anyone.get("/api/runs", headers={**headers, **given})).status_code == 200
    other = {**given, "Host": "localhost:7002"}
    assert (await anyone.get("/api/runs", headers=other)).status_code == 403


async def test_answers_carry_the_headers_that_keep_browsers_safe(client) -> None:
    response = await client.get("/api/runs")
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_people_are_told_in_words(anyone) -> None:
    response = await anyone.get("/", headers={"Accept": "text/html"})
    assert response.status_code == 403
    assert "This workspace is closed" in response.text
    assert TOKEN not in response.text


async def test_other_machines_are_refused_without_a_token_of_ones_own(root) -> None:
    async def never(address, services):
        raise AssertionError

    with pytest.raises(Forbidden, match="other machines"):
        await serve(root, Settings(host="0.0.0.0"), never)
    with pytest.raises(Forbidden, match="too short"):
        await serve(root, Settings(host="0.0.0.0", token="short"), never)
    with pytest.raises(InvalidInput):
        Gate(None, "")
