"""One contract for every store."""

from __future__ import annotations

import random
import threading
from contextlib import suppress

import pytest
from tests.storage.scars import scar

from neurectomy.core.clock import SystemClock
from neurectomy.core.codecs import digest
from neurectomy.core.errors import (
    Conflict,
    Damaged,
    InvalidInput,
    NotFound,
    StaleLease,
    StorageError,
)
from neurectomy.core.ids import new_id
from neurectomy.storage.open import open_store
from neurectomy.storage.port import Ancestor, Batch, EventRow, RunQuery, RunRow, RunUpdate
from neurectomy.storage.sqlite import SqliteStore

CLOCK = SystemClock()


def row(**changes) -> RunRow:
    values = {
        "id": new_id(CLOCK),
        "flow": "answer",
        "program": "p" * 64,
        "meaning": "m" * 64,
        "source": "answer.agent",
        "title": "How?",
        "status": "running",
        "created_us": CLOCK.wall(),
        "lease_epoch": 1,
        "lease_owner": "me",
        "lease_until_us": CLOCK.wall() + 10_000_000,
    }
    return RunRow(**values | changes)


def event(seq: int, payload: bytes = b"[{},[]]") -> EventRow:
    return EventRow(
        seq, "kind", f"a/{seq}", b"[]", payload, b"s" * 16, b"h" * 32, bytes([seq % 256]) * 32
    )


def batch(run: str, after: int, count: int, **changes) -> Batch:
    events = changes.pop("events", None)
    events = events or tuple(event(after + i + 1) for i in range(count))
    return Batch(run, changes.pop("epoch", 1), after, events, **changes)


def created(store, **changes) -> RunRow:
    run = row(**changes)
    store.create_run(run, {})
    return run


def test_a_run_is_stored_as_it_was(store) -> None:
    run = created(store, labels={"a": "b"}, accounts={"tokens": 1})
    assert store.run(run.id) == run
    assert store.run(new_id(CLOCK)) is None
    with pytest.raises(Conflict):
        store.create_run(run, {})


def test_events_continue_without_a_gap_and_come_back_in_order(store) -> None:
    run = created(store)
    assert store.commit([batch(run.id, 0, 3), batch(run.id, 3, 2)]) == [None, None]
    assert [e.seq for e in store.events(run.id, 1, 4, 10)] == [2, 3, 4]
    assert store.events(run.id, 0, 5, 1) == [event(1)]
    assert store.payloads(run.id, 2, 5) == [b"[{},[]]"] * 3
    head = store.run(run.id)
    assert (head.head, head.link) == (5, event(5).link)


def test_a_stale_writer_appends_nothing_and_hurts_nobody(store) -> None:
    first, second = created(store), created(store)
    results = store.commit([batch(first.id, 0, 1, epoch=7), batch(second.id, 0, 1)])
    assert isinstance(results[0], StaleLease)
    assert results[1] is None
    assert isinstance(store.commit([batch(second.id, 0, 1)])[0], StaleLease)
    assert isinstance(store.commit([batch(new_id(CLOCK), 0, 1)])[0], NotFound)
    assert (store.run(first.id).head, store.run(second.id).head) == (0, 1)


def test_blobs_come_with_their_batch_and_are_shared(store) -> None:
    small, large = b"x" * 100, bytes(range(256)) * 2000
    contents = {digest(small): small, digest(large): large}
    run, other = created(store), created(store)
    store.commit([batch(run.id, 0, 1, blobs=contents), batch(other.id, 0, 1, blobs=contents)])
    assert store.blob(digest(small)) == small
    assert store.blob(digest(large)) == large
    assert store.blob("0" * 64) is None
    assert store.usage().blobs == 2
    store.delete_run(run.id, CLOCK.wall(), force=True)
    assert store.blob(digest(large)) == large
    store.delete_run(other.id, CLOCK.wall(), force=True)
    assert store.blob(digest(large)) is None
    assert store.usage().runs == 0


def test_what_a_blob_names_stays_for_as_long_as_it_does(store) -> None:
    leaf, other, tree, root = b"leaf", bytes(range(256)) * 2000, b"tree", b"root"
    contents = {digest(content): content for content in (leaf, other, tree, root)}
    parts = {digest(tree): [digest(leaf), digest(other)], digest(root): [digest(tree)]}
    first, second = created(store), created(store)
    with pytest.raises(Damaged, match="is missing"):
        store.add_blobs(first.id, {digest(root): root}, {digest(root): [digest(tree)]})
    store.add_blobs(first.id, contents, parts)
    store.add_blobs(first.id, contents, parts)
    assert store.hold(second.id, ["0" * 64, digest(root)]) == ["0" * 64]
    assert store.hold(second.id, [digest(root)]) == []
    store.delete_run(first.id, CLOCK.wall(), force=True)
    assert all(store.blob(name) == content for name, content in contents.items())
    store.delete_run(second.id, CLOCK.wall(), force=True)
    assert not any(store.blob(name) for name in contents)
    assert store.usage().blobs == 0


def test_keyframes_are_found_at_or_before_a_moment(store) -> None:
    run = created(store)
    store.commit([batch(run.id, 0, 9, keyframes=((3, b"three"), (7, b"seven")))])
    assert store.keyframe(run.id, 2) is None
    assert store.keyframe(run.id, 6) == (3, b"three")
    assert store.keyframe(run.id, 7) == (7, b"seven")


def test_a_lease_is_taken_over_when_it_ends_or_by_force(store) -> None:
    run = created(store)
    now = CLOCK.wall()
    with pytest.raises(Conflict, match="me"):
        store.acquire(run.id, "you", now, now + 1, force=False)
    taken = store.acquire(run.id, "you", now, now + 50, force=True)
    assert (taken.lease_epoch, taken.lease_owner) == (2, "you")
    with pytest.raises(StaleLease):
        store.renew(run.id, 1, now + 100)
    store.renew(run.id, 2, now + 100)
    store.release(run.id, 1)
    assert store.run(run.id).lease_owner == "you"
    assert store.acquire(run.id, "they", now + 101, now + 200, force=False).lease_epoch == 3
    store.release(run.id, 3)
    assert store.run(run.id).lease_owner == ""
    with pytest.raises(NotFound):
        store.acquire(new_id(CLOCK), "you", now, now, force=True)


def test_the_list_is_newest_first_and_can_be_searched(store) -> None:
    runs = [created(store, title=f"Title {i} 50%_\\", status="finished") for i in range(5)]
    created(store, flow="other", title="Else")
    found = store.runs(RunQuery(limit=3, status=("finished",)))
    assert [r.id for r in found] == [r.id for r in reversed(runs[2:])]
    assert [r.id for r in store.runs(RunQuery(before=runs[1].id))] == [runs[0].id]
    assert [r.title for r in store.runs(RunQuery(search="TITLE 3"))] == [runs[3].title]
    assert len(store.runs(RunQuery(search="50%_\\"))) == 5
    assert store.runs(RunQuery(search="%else")) == []
    wide = created(store, title="\u00dcber alles")
    assert [r.id for r in store.runs(RunQuery(search="\u00fcBER"))] == [wide.id]
    store.label(runs[0].id, {"x": "y"})
    assert store.run(runs[0].id).labels == {"x": "y"}


def test_a_batch_updates_its_row(store) -> None:
    run = created(store)
    update = RunUpdate("finished", {"tokens": 3}, 42)
    store.commit([batch(run.id, 0, 1, update=update)])
    found = store.run(run.id)
    assert (found.status, found.accounts, found.ended_us) == ("finished", {"tokens": 3}, 42)


def test_a_fork_is_one_row_and_keeps_what_it_needs_of_its_parent(store) -> None:
    parent = created(store)
    content = b"y" * 5000
    store.commit(
        [batch(parent.id, 0, 9, keyframes=((5, b"five"),), blobs={digest(content): content})]
    )
    fork = store.fork_run(parent.id, 6, row())
    assert (fork.ancestry, fork.head, fork.link) == ((Ancestor(parent.id, 6),), 6, event(6).link)
    assert store.run(fork.id) == fork
    assert [r.id for r in store.runs(RunQuery(parent=parent.id))] == [fork.id]
    store.commit([batch(fork.id, 6, 2)])
    with pytest.raises(InvalidInput, match="no event 99"):
        store.fork_run(parent.id, 99, row())
    with pytest.raises(NotFound):
        store.fork_run(new_id(CLOCK), 1, row())
    with pytest.raises(Conflict):
        store.fork_run(parent.id, 1, fork)
    again = store.fork_run(fork.id, 7, row())
    assert again.ancestry == (Ancestor(parent.id, 6), Ancestor(fork.id, 7))
    early = store.fork_run(fork.id, 2, row())
    assert early.ancestry == (Ancestor(parent.id, 2),)
    for made in (again, early):
        store.delete_run(made.id, CLOCK.wall(), force=True)
    store.delete_run(parent.id, CLOCK.wall(), force=True)
    assert [r.id for r in store.runs(RunQuery())] == [fork.id]
    hidden = store.run(parent.id)
    assert (hidden.hidden, hidden.head, hidden.link) == (True, 6, event(6).link)
    assert [e.seq for e in store.events(parent.id, 0, 99, 99)] == [1, 2, 3, 4, 5, 6]
    assert store.blob(digest(content)) == content
    store.delete_run(fork.id, CLOCK.wall(), force=True)
    assert store.run(parent.id) is None
    assert store.blob(digest(content)) is None


def test_a_run_that_somebody_writes_is_deleted_by_force_only(store) -> None:
    run = created(store)
    with pytest.raises(Conflict, match="me"):
        store.delete_run(run.id, CLOCK.wall(), force=False)
    store.delete_run(run.id, run.lease_until_us + 1, force=False)
    assert store.run(run.id) is None
    with pytest.raises(NotFound):
        store.delete_run(run.id, CLOCK.wall(), force=True)


@pytest.mark.parametrize("size", [100, 40_000], ids=["inline", "file"])
def test_a_blob_that_one_deletes_while_another_names_it_stays(store, size: int) -> None:
    content = random.Random(1).randbytes(size)
    name = digest(content)
    kept: list[RunRow] = []
    problems: list[Exception] = []

    def keep() -> None:
        for _ in range(40):
            run = created(store)
            problems.extend(
                e for e in store.commit([batch(run.id, 0, 1, blobs={name: content})]) if e
            )
            kept.append(run)
            if store.blob(name) != content:
                problems.append(LookupError(run.id))
            store.delete_run(run.id, CLOCK.wall(), force=True)

    threads = [threading.Thread(target=keep) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(kept) == 120
    assert store.blob(name) is None


def test_a_parent_that_is_deleted_while_it_is_forked_keeps_what_the_fork_needs(store) -> None:
    for _ in range(25):
        parent = created(store)
        store.commit([batch(parent.id, 0, 5)])
        forks: list[RunRow] = []

        def fork(parent: RunRow = parent, forks: list[RunRow] = forks) -> None:
            with suppress(NotFound):
                forks.append(store.fork_run(parent.id, 3, row()))

        thread = threading.Thread(target=fork)
        thread.start()
        store.delete_run(parent.id, CLOCK.wall(), force=True)
        thread.join()
        for made in forks:
            assert [e.seq for e in store.events(parent.id, 0, 9, 9)][:3] == [1, 2, 3]
            store.delete_run(made.id, CLOCK.wall(), force=True)


def test_redaction_leaves_the_hashes(store) -> None:
    run = created(store)
    store.commit([batch(run.id, 0, 2)])
    scar(store, run.id, 1)
    first, second = store.events(run.id, 0, 9, 9)
    assert (first.payload, first.salt, first.payload_hash) == (None, None, b"h" * 32)
    assert second.payload is not None


def test_usage_counts_what_is_there(store) -> None:
    run = created(store)
    store.commit([batch(run.id, 0, 4, blobs={digest(b"z"): b"z"})])
    used = store.run_usage(run.id)
    assert (used.events, used.event_bytes, used.blob_bytes) == (4, 4 * 9, 1)
    assert store.usage().events == 4
    assert store.usage().database_bytes > 0


def test_threads_read_while_others_write(store) -> None:
    runs = [created(store) for _ in range(4)]
    problems = []

    def work(run: RunRow) -> None:
        for after in range(0, 100, 5):
            problems.extend(r for r in store.commit([batch(run.id, after, 5)]) if r)
            if [e.seq for e in store.events(run.id, 0, 1000, 1000)] != list(range(1, after + 6)):
                problems.append(run.id)

    threads = [threading.Thread(target=work, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_closed_store_says_so(store) -> None:
    store.close()
    with pytest.raises(StorageError):
        store.usage()


def test_a_newer_database_is_refused_with_the_next_step(tmp_path) -> None:
    import sqlite3

    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="version 99") as caught:
        open_store(tmp_path)
    assert "pip install --upgrade" in caught.value.hint


def test_a_file_that_is_no_database_is_refused(tmp_path) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageError, match="not a database") as caught:
        open_store(tmp_path)
    assert "backup" in caught.value.hint


def test_a_full_disk_is_told_and_loses_nothing(tmp_path) -> None:
    store = SqliteStore(tmp_path / "log.db", tmp_path / "blobs")
    run = created(store)
    store.commit([batch(run.id, 0, 2)])
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    big = tuple(event(i, b"x" * 9000) for i in range(3, 30))
    with pytest.raises(StorageError, match="full") as caught:
        store.commit([Batch(run.id, 1, 2, big)])
    assert "Free some space" in caught.value.hint
    assert store.run(run.id).head == 2
    store._writer.execute("PRAGMA max_page_count = 1000000")
    assert store.commit([Batch(run.id, 1, 2, big)]) == [None]
    store.close()


def test_a_damaged_blob_is_noticed(tmp_path) -> None:
    store = open_store(tmp_path)
    large = bytes(range(256)) * 2000
    run = created(store)
    store.commit([batch(run.id, 0, 1, blobs={digest(large): large})])
    connection = store._writer
    connection.execute("UPDATE blobs SET content = x'00', encoding = 0")
    with pytest.raises(Damaged):
        store.blob(digest(large))
    store.close()


def test_a_server_that_is_not_there_is_told_at_once(tmp_path) -> None:
    with pytest.raises(StorageError, match="does not answer") as caught:
        open_store(tmp_path, "power", "postgresql://127.0.0.1:1/none")
    assert "NEURECTOMY_DATABASE_URL" in caught.value.hint
