"""Which runs the rules let go, and that nothing else goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurectomy.core.clock import SystemClock
from neurectomy.core.ids import new_id
from neurectomy.runs.retention import Retention, expired, tidy
from neurectomy.runs.service import Runs
from neurectomy.storage.port import RunRow
from neurectomy.timeline.log import Log

pytestmark = pytest.mark.anyio
CLOCK = SystemClock()
DAY = 86_400_000_000
NOW = CLOCK.wall()


@pytest.fixture
def runs(store):
    """Runs that ended 0, 10, 20, ... days ago, by their name."""
    made = {}
    kinds = ["finished", "failed", "cancelled", "finished", "waiting", "running", "finished"]
    for number, status in reversed(list(enumerate(kinds))):
        ended = None if status in ("waiting", "running") else NOW - number * 10 * DAY
        labels = {"keep": "Yes"} if number == 6 else {"keep": "no"}
        run = RunRow(new_id(CLOCK), "f", "", "", "f.agent", "t", status, NOW, labels=labels,
                     ended_us=ended)  # fmt: skip
        store.create_run(run, {})
        made[run.id] = f"{status} {number * 10}"
    return made


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        (Retention(), []),
        (Retention(keep_failed=True), []),
        (Retention(keep_days=15), ["cancelled 20", "finished 30"]),
        (Retention(keep_days=5), ["failed 10", "cancelled 20", "finished 30"]),
        (Retention(keep_days=5, keep_failed=True), ["cancelled 20", "finished 30"]),
        (Retention(keep_runs=2), ["cancelled 20", "finished 30"]),
        (Retention(keep_runs=1, keep_days=25), ["finished 30"]),
        (Retention(keep_runs=9), []),
    ],
)
def test_one_rule_that_keeps_a_run_is_enough(store, runs, rules: Retention, gone: list) -> None:
    assert [runs[row.id] for row in expired(store, rules, NOW)] == gone


async def test_a_rehearsal_names_what_then_goes(store, runs, tmp_path: Path) -> None:
    log = Log(store, CLOCK, "test")
    service = Runs(log, None, None, tmp_path, CLOCK, redactor=None)
    rules = Retention(keep_days=15)
    told = await tidy(service, rules, NOW, dry_run=True)
    assert [runs[run] for run in told.expired] == ["cancelled 20", "finished 30"]
    assert len(store.upkeep.runs()) == 7
    done = await tidy(service, rules, NOW)
    assert done.expired == told.expired
    assert {runs[row.id] for row in store.upkeep.runs()} == set(runs.values()) - {
        "cancelled 20", "finished 30",
    }  # fmt: skip
    assert (await tidy(service, rules, NOW)).expired == ()
    await log.close()


async def test_a_run_that_somebody_writes_stays(store, runs, tmp_path: Path) -> None:
    held = next(run for run, name in runs.items() if name == "finished 30")
    store.acquire(held, "somebody", NOW, NOW + DAY, force=False)
    log = Log(store, CLOCK, "test")
    done = await tidy(
        Runs(log, None, None, tmp_path, CLOCK, redactor=None), Retention(keep_days=15), NOW
    )
    assert [runs[run] for run in done.expired] == ["cancelled 20"]
    await log.close()
