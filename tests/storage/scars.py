"""What a redaction leaves, put into a log by hand."""

from __future__ import annotations

from neurectomy.storage.port import Erasure, Store


def scar(store: Store, run: str, seq: int) -> None:
    """Erase the payload of an event, and nothing that repeats it."""
    row = store.run(run)
    assert row is not None
    erasure = Erasure(
        run, row.head, row.link, row.lease_epoch, None, (seq,), (), {}, (), row.title, row.labels
    )
    store.erase([erasure])
