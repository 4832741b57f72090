"""A run that is about to begin, on a store of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from neurectomy.core.ids import new_id
from neurectomy.runs.driver import Driver
from neurectomy.runs.machine import Machine
from neurectomy.storage.open import open_store
from neurectomy.storage.port import RunRow
from neurectomy.timeline.log import Log
from tests.runs.lives import CLOCK, PROFILE, Life, Script
from tests.runs.test_machine import plan_of


@pytest.fixture
async def begin(tmp_path: Path):
    store = open_store(tmp_path, "process")
    log = Log(store, CLOCK, "test")

    async def begin(text: str, script: Script, parallel: int = 8, **inputs: Any) -> Life:
        plan = plan_of(text)
        row = RunRow(new_id(CLOCK), "f", "", "", "f.agent", "t", "running", CLOCK.wall())
        writer = await log.create(row, {})
        driver = Driver(writer, Machine(plan, writer.values), script, CLOCK, lambda *_: None)
        data = {
            "flow": "f",
            "inputs": inputs or {"n": 3},
            "program": "",
            "models": {"m": msgspec.to_builtins(PROFILE)},
            "limits": {"parallel": parallel},
        }
        driver.record("run.created", "", data)
        return Life(log, plan, driver, writer)

    yield begin
    await log.close()
    store.close()
