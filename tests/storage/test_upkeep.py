"""What is removed because nothing refers to it, and what is not: one contract for every store."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from neurectomy.core.clock import SystemClock
from neurectomy.core.codecs import digest
from neurectomy.core.errors import Conflict
from neurectomy.core.ids import new_id
from neurectomy.storage.open import open_store
from neurectomy.storage.port import Ancestor, Batch, EventRow, RunRow
from neurectomy.storage.upkeep import Arrival, Trim

CLOCK = SystemClock()
SMALL, LARGE = b"small" * 10, random.Random(1).randbytes(100_000)


def row(**changes) -> RunRow:
    values = {"id": new_id(CLOCK), "flow": "f", "program": "", "meaning": "", "source": "f.agent"}
    values |= {"title": "t", "status": "finished", "created_us": CLOCK.wall(), "lease_epoch": 1}
    return RunRow(**values | changes)


def event(seq: int) -> EventRow:
    return EventRow(seq, "k", "s", b"[]", b"[{},[]]", b"s" * 16, b"h" * 32, bytes([seq]) * 32)


def filled(store, count: int = 5, blobs: tuple[bytes, ...] = ()) -> RunRow:
    run = row()
    store.create_run(run, {})
    events = tuple(event(seq) for seq in range(1, count + 1))
    store.commit([Batch(run.id, 1, 0, events, blobs={digest(b): b for b in blobs})])
    return store.run(run.id)


def test_what_is_named_stays(store) -> None:
    run = filled(store, blobs=(SMALL, LARGE))
    store.add_blobs(
        run.id, {digest(b"a"): b"a", digest(b"b"): b"b"}, {digest(b"a"): [digest(b"b")]}
    )
    assert store.upkeep.parts(digest(b"a")) == [digest(b"b")]
    assert store.upkeep.collect() == store.upkeep.collect(rehearsal=True)
    assert store.upkeep.collect().blobs == 0
    assert list(store.upkeep.digests()) == sorted(map(digest, (SMALL, LARGE, b"a", b"b")))
    assert store.upkeep.uses(run.id) == set(store.upkeep.digests())


def test_what_a_hidden_run_names_no_more_goes(store) -> None:
    run = filled(store, blobs=(SMALL, LARGE))
    fork = store.fork_run(run.id, 3, row())
    store.delete_run(run.id, CLOCK.wall(), force=True)
    trim = Trim(run.id, 3, frozenset({digest(SMALL)}))
    stale = Trim(run.id, 5, frozenset())
    for _ in range(2):
        told = store.upkeep.collect([stale, trim], rehearsal=True)
        assert (told.runs, told.blobs) == (0, 1)
    assert store.blob(digest(LARGE)) == LARGE
    assert store.upkeep.collect([stale, trim]) == told
    assert store.blob(digest(LARGE)) is None
    assert store.blob(digest(SMALL)) == SMALL
    assert len(store.events(run.id, 0, 9, 9)) == 3
    store.delete_run(fork.id, CLOCK.wall(), force=True)
    assert store.usage().blobs == 0


def test_arrivals_come_whole_or_not_at_all(store) -> None:
    parent = row(head=2, link=event(2).link, lease_epoch=0, hidden=True)
    child = row(head=4, link=event(4).link, lease_epoch=0, ancestry=(Ancestor(parent.id, 2),))
    first = Arrival(parent, None, [event(1), event(2)], [(2, b"{}")], frozenset({digest(SMALL)}))
    second = Arrival(child, None, [event(3), event(4)], [], frozenset({digest(LARGE)}))
    wrong = Arrival(row(), 7, [], [], frozenset())
    contents = [(digest(SMALL), SMALL), (digest(LARGE), LARGE), (digest(b"x"), b"x")]
    parts = {digest(LARGE): [digest(b"x")]}
    with pytest.raises(Conflict, match="changed while it was imported"):
        store.upkeep.bring([first, second, wrong], contents, parts)
    assert store.upkeep.runs() == []
    assert store.usage().blobs == 0
    store.upkeep.bring([first, second], contents, parts)
    assert [(r.id, r.head, r.hidden) for r in store.upkeep.runs()] == [
        (parent.id, 2, True), (child.id, 4, False),
    ]  # fmt: skip
    assert store.keyframe(parent.id, 9) == (2, b"{}")
    assert store.upkeep.keyframes(parent.id, 2) == [2]
    assert store.upkeep.collect().blobs == 0
    store.delete_run(child.id, CLOCK.wall(), force=True)
    assert (store.usage().blobs, store.usage().events) == (0, 0)


def test_an_arrival_carries_on_what_was_hidden(store) -> None:
    run = filled(store)
    fork = store.fork_run(run.id, 3, row())
    store.delete_run(run.id, CLOCK.wall(), force=True)
    again = row(id=run.id, head=5, link=event(5).link)
    store.upkeep.bring([Arrival(again, 3, [event(4), event(5)], [], frozenset())], [], {})
    assert store.run(run.id) == again
    assert [e.seq for e in store.events(run.id, 0, 9, 9)] == [1, 2, 3, 4, 5]
    store.delete_run(run.id, CLOCK.wall(), force=True)
    assert store.run(fork.id) is not None


def test_files_without_a_row_go_and_the_others_stay(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    filled(store, blobs=(LARGE,))
    stray = digest(b"stray")
    folder = tmp_path / "blobs" / stray[:2]
    folder.mkdir()
    (folder / stray[2:]).write_bytes(b"stray")
    (folder / f"{stray[2:]}.123.part").write_bytes(b"st")
    told = store.upkeep.collect(rehearsal=True)
    assert (told.files, told.file_bytes) == (2, 7)
    assert (folder / stray[2:]).exists()
    assert store.upkeep.collect() == told
    assert list(folder.iterdir()) == []
    assert store.blob(digest(LARGE)) == LARGE
    store.close()


def test_nothing_goes_that_is_written_at_the_same_time(store) -> None:
    runs = [filled(store) for _ in range(4)]
    stop = threading.Event()

    def sweep() -> None:
        while not stop.is_set():
            store.upkeep.collect()

    thread = threading.Thread(target=sweep)
    thread.start()
    contents = [bytes([n]) * 50 + LARGE for n in range(40)]
    for n, content in enumerate(contents):
        batch = Batch(runs[n % 4].id, 1, 5 + n // 4, (event(6 + n // 4),),
                      blobs={digest(content): content})  # fmt: skip
        assert store.commit([batch]) == [None]
    stop.set()
    thread.join()
    assert all(store.blob(digest(content)) == content for content in contents)


def test_a_blob_whose_content_was_lost_comes_back_with_who_writes_it_again(store) -> None:
    filled(store, blobs=(SMALL, LARGE))
    with store.upkeep._changing() as db:
        db.execute("UPDATE blobs SET content = NULL")
    if store.name == "sqlite":
        store._files.remove(digest(LARGE))
    filled(store, blobs=(SMALL, LARGE))
    assert (store.blob(digest(SMALL)), store.blob(digest(LARGE))) == (SMALL, LARGE)
