"""The log as its callers see it: what one batch spoils, what is missing, what is left behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from neurectomy.core.clock import SystemClock
from neurectomy.core.errors import Damaged, StorageError
from neurectomy.core.ids import new_id
from neurectomy.storage.open import open_store
from neurectomy.storage.port import RunRow
from neurectomy.timeline.event import Draft
from neurectomy.timeline.log import Log

pytestmark = pytest.mark.anyio
CLOCK = SystemClock()


def row() -> RunRow:
    return RunRow(new_id(CLOCK), "f", "", "", "f.agent", "t", "running", CLOCK.wall())


def first(step: str = "f") -> Draft:
    state = {"status": "running", "accounts": {}, "list": []}
    return Draft("run.created", step, {}, [["set", [], state]])


async def test_one_batch_that_the_store_refuses_stops_no_other_run(store) -> None:
    log = Log(store, CLOCK, "test")
    good, bad = await log.create(row(), {}), await log.create(row(), {})
    good.append(first())
    bad.append(first("a\0b" if store.name == "postgres" else "f"))
    if store.name == "sqlite":
        bad._rows[0] = type(bad._rows[0])(**{**_fields(bad._rows[0]), "step": None})
    found = await asyncio.gather(good.barrier(), bad.barrier(), return_exceptions=True)
    assert found[0] is None
    assert isinstance(found[1], StorageError)
    assert (log.row(good.run).head, log.row(bad.run).head) == (1, 0)
    await log.close()


def _fields(row) -> dict:
    return {name: getattr(row, name) for name in row.__struct_fields__}


async def test_a_gap_and_a_change_are_noticed(tmp_path: Path) -> None:
    store = open_store(tmp_path, "process")
    log = Log(store, CLOCK, "test")
    writer = await log.create(row(), {})
    writer.append(first())
    for n in range(20):
        writer.append(Draft("value.bound", "f/a", {"n": n}, [["add", ["list"], n]]))
    await writer.barrier()
    assert log.verify(writer.run) == 21
    connection = store._writer
    connection.execute("DELETE FROM events WHERE seq > 10")
    with pytest.raises(Damaged, match="event 11 is missing"):
        log.verify(writer.run)
    connection.execute("DELETE FROM events WHERE seq = 5")
    with pytest.raises(Damaged, match="event 5 is missing"):
        log.verify(writer.run)
    connection.execute("UPDATE events SET payload = x'00FF' WHERE seq = 2")
    with pytest.raises(Damaged, match="cannot be folded"):
        log.state(writer.run, 4)
    connection.execute("UPDATE events SET payload = x'5B7B7D2C5B5D5D' WHERE seq = 3")
    with pytest.raises(Damaged, match="event 2 does not match"):
        log.verify(writer.run)
    await log.close()
    store.close()
