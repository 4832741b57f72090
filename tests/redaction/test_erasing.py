"""Random programs, redacted anywhere: the chain holds, every moment folds, and forks go on."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurectomy.core.codecs import encode
from neurectomy.runs.driver import Driver
from neurectomy.runs.erasing import Eraser, Wanted
from neurectomy.runs.machine import Machine
from neurectomy.storage.ancestry import segments
from neurectomy.storage.port import ENDED
from neurectomy.timeline.log import Log
from tests.runs.programs import RuleWorkers, programs
from tests.runs.test_machine import CLOCK, plan_of
from tests.runs.test_time_travel import forked, lived

PROPERTY = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TEXTS = ("Think about ", "no luck")
_GOES_BY = ("kind", "callee", "parent", "node", "at", "phase", "turn")


async def nothing(run: str) -> None:
    """Nobody drives these runs."""


def structure(state: Any) -> Any:
    """What decisions go by: where the run is, and what waits."""
    frames = {
        path: {key: frame.get(key) for key in _GOES_BY}
        | {"env": sorted(frame.get("env", ())), "messages": len(frame.get("messages", ()))}
        for path, frame in state.get("frames", {}).items()
    }  # fmt: skip
    return {**state, "frames": frames, "inputs": None, "result": None, "error": None}


def stored(log: Log, runs: list[str]) -> bytes:
    """Everything that is stored of runs, as bytes."""
    parts: list[bytes] = []
    for run in runs:
        row = log.row(run)
        parts += [row.title.encode(), encode(row.labels)]
        _, first, until = segments(row)[-1]
        parts += [payload or b"" for payload in log.store.payloads(run, first, until)]
        while (kept := log.store.keyframe(run, until)) is not None:
            parts.append(kept[1])
            until = kept[0] - 1
        parts += [log.store.blob(digest) or b"" for digest in log.store.blobs_of(run)]
    return b"\n".join(parts)


@given(
    text=programs(),
    n=st.integers(0, 50),
    seed=st.integers(0, 2**16),
    wanted=st.sampled_from(TEXTS) | st.lists(st.floats(0, 1), min_size=1, max_size=3),
    forks=st.lists(st.floats(0, 1), max_size=2),
)
@PROPERTY
def test_whatever_is_erased_the_rest_holds_together(
    store, text: str, n: int, seed: int, wanted: str | list[float], forks: list[float]
) -> None:
    async def check() -> None:
        log, plan = Log(store, CLOCK, "test"), plan_of(text)
        run = await lived(log, plan, n, seed)
        head = log.row(run).head
        children = [await forked(log, run, 1 + int(at * (head - 2))) for at in forks]
        before = [structure(log.whole_state(run, seq)) for seq in range(head + 1)]
        rows = log.rows(run, 0, 10_000)
        seqs = () if isinstance(wanted, str) else tuple(1 + int(at * (head - 1)) for at in wanted)
        asked = Wanted(seqs, wanted if isinstance(wanted, str) else "")
        if asked.text and asked.text.encode() not in stored(log, [run]):
            return
        eraser = Eraser(log, CLOCK, nothing, sole=True)
        told = await eraser.redact(log.row(run), asked, by="test", reason="", dry_run=False)
        assert set(seqs) <= set(told.events)
        after = log.rows(run, 0, 10_000)
        assert [row.seq for row in after if row.payload is None] == told.events
        assert [r for r in after[:head] if r.payload] == [
            r for r in rows if r.seq not in told.events
        ]
        for seq in range(head + 1):
            assert structure(log.whole_state(run, seq)) == before[seq]
        for one in [run, *children]:
            assert log.verify(one) == log.row(one).head
        if asked.text:
            assert asked.text.encode() not in stored(log, [run, *children])
        for child in children:
            await _goes_on(log, plan, child, seed)
        await log.close()

    asyncio.run(check())


async def _goes_on(log: Log, plan: Any, run: str, seed: int) -> None:
    """A fork of what is left comes to an end, be it that it misses what was erased."""
    writer = await log.open(run, force=True)
    driver = Driver(writer, Machine(plan, writer.values), RuleWorkers(seed), CLOCK, lambda *_: None)
    driver.record("run.resumed", "", {"owner": "", "unknown": []})
    try:
        await asyncio.wait_for(driver.drive(), 20)
        assert writer.state["status"] in ENDED
    finally:
        await log.release(writer)
