"""Erasing from a store: all or nothing, what others name stays, and no bytes are left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.storage.test_store import batch, created, event, row

from neurectomy.core.codecs import digest
from neurectomy.core.errors import Conflict
from neurectomy.storage.open import open_store
from neurectomy.storage.port import Erasure

SECRET = b"Kiwi-Marmalade-77"


def erasure(store: Any, run: str, **changes: Any) -> Erasure:
    found = store.run(run)
    values = {
        "run": run,
        "head": found.head,
        "link": found.link,
        "lease_epoch": found.lease_epoch,
        "event": event(found.head + 1, b'[{"why": 1},[]]'),
        "events": (),
        "keyframes": (),
        "blobs": {},
        "dropped": (),
        "title": found.title,
        "labels": found.labels,
    }
    return Erasure(**values | changes)


def test_everything_is_erased_at_once_and_the_writer_loses_its_lease(store) -> None:
    run, blobs = created(store), {digest(SECRET): SECRET, digest(b'"new"'): b'"new"'}
    old, new = blobs
    store.commit([batch(run.id, 0, 3, keyframes=((2, b"old"),), blobs={old: SECRET})])
    other = created(store)
    store.commit([batch(other.id, 0, 1, blobs={old: SECRET})])
    asked = erasure(
        store, run.id, events=(2, 3), keyframes=((2, b"two"), (3, b"three")), dropped=(old,),
        blobs={new: b'"new"'}, title="clean", labels={"a": "b"},
    )  # fmt: skip
    assert store.erase([asked]) == [old]
    assert [e.payload is None for e in store.events(run.id, 0, 4, 9)] == [False, True, True, False]
    assert store.keyframe(run.id, 2) == (2, b"two")
    assert store.keyframe(run.id, 9) == (3, b"three")
    now = store.run(run.id)
    assert (now.head, now.link, now.title, now.labels) == (4, event(4).link, "clean", {"a": "b"})
    assert store.blobs_of(run.id) == [new]
    assert store.blob(old) == SECRET
    assert store.erase([erasure(store, other.id, dropped=(old,))]) == []
    assert store.blob(old) is None
    [refused] = store.commit([batch(run.id, 4, 1)])
    assert refused is not None
    assert store.wipe()


def test_nothing_is_erased_where_one_of_the_runs_has_changed(store) -> None:
    run, other = created(store), created(store)
    store.commit([batch(run.id, 0, 2), batch(other.id, 0, 2)])
    fine, late = (erasure(store, one.id, events=(1,)) for one in (run, other))
    store.commit([batch(other.id, 2, 1)])
    with pytest.raises(Conflict, match="changed meanwhile"):
        store.erase([fine, late])
    assert all(e.payload is not None for e in store.events(run.id, 0, 9, 9))
    assert store.run(run.id).head == 2


def test_relatives_are_all_who_share_events_and_nobody_else(store) -> None:
    run = created(store)
    store.commit([batch(run.id, 0, 5)])
    child = store.fork_run(run.id, 3, row())
    grandchild = store.fork_run(child.id, 2, row())
    created(store)
    family = {run.id, child.id, grandchild.id}
    for one in family:
        assert {found.id for found in store.relatives(one)} == family
    store.delete_run(run.id, 0, force=True)
    assert {found.id for found in store.relatives(child.id)} == family


@pytest.mark.parametrize("secure", [0, 1])
def test_no_bytes_are_left_in_the_files_of_sqlite(tmp_path: Path, secure: int) -> None:
    store = open_store(tmp_path, "process")
    store._writer.execute(f"PRAGMA secure_delete = {secure}")  # which it is depends on the build
    run = created(store)
    payload = b'["' + SECRET * 20 + b'"]'
    for after in range(0, 200, 10):  # pages split on the way, and leave copies behind
        events = tuple(event(seq, payload) for seq in range(after + 1, after + 11))
        assert store.commit([batch(run.id, after, 0, events=events)]) == [None]
    large = SECRET + bytes(range(256)) * 400
    store.commit([batch(run.id, 200, 0, blobs={digest(large): large})])
    everything = tuple(range(1, 201))
    store.erase([erasure(store, run.id, events=everything, dropped=(digest(large),))])
    assert store.wipe()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET in path.read_bytes()] == []
    store.close()
