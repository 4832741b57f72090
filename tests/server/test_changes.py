"""The subscription that tells of runs as they change."""

from __future__ import annotations

import asyncio

import pytest

from neurectomy.server.graphql import schema
from tests.server.test_operations import finished, start

pytestmark = pytest.mark.anyio


async def test_deleted_runs_are_left_out_and_who_was_too_slow_catches_up(services, client) -> None:
    query = "subscription { runChanges { id status } }"
    changes = await schema.subscribe(query, context_value={"services": services})

    async def until(run: str) -> None:
        async with asyncio.timeout(20):
            async for change in changes:
                assert change.errors is None
                told = change.data["runChanges"]
                if (told["id"], told["status"]) == (run, "finished"):
                    return

    first = await start(client)
    following = asyncio.create_task(until(first["id"]))
    await finished(client, first["id"])
    await client.patch(f"/api/runs/{first['id']}", json={"labels": {"seen": "yes"}})
    await following
    assert (await client.delete(f"/api/runs/{first['id']}")).status_code == 204
    second = await start(client)
    await finished(client, second["id"])
    await until(second["id"])
    third = await start(client)
    await finished(client, third["id"])
    for _ in range(10_001):
        services.log.changed.publish("nobody", "nobody")
    await until(third["id"])
    await changes.aclose()
