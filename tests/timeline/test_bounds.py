"""What JSON from elsewhere may become in memory is known before it is decoded."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurectomy.core import codecs
from neurectomy.core.errors import InvalidInput
from neurectomy.storage.open import open_store
from neurectomy.timeline.bounds import is_bounded, structure
from tests.timeline.test_archive import edited, files, payload
from tests.timeline.worlds import changed, taken_in, with_run

__all__ = ["files"]

LISTS = msgspec.Raw(b"[" + b"[]," * 2_500_000 + b"0]")


def with_value(content: bytes):
    """A change that has an event name one more blob."""

    def change(members: dict[str, bytes]) -> dict[str, bytes]:
        digest = codecs.digest(content)
        named = {"$blob": digest, "bytes": len(content)}
        members = edited(members, 5, **payload([], v=named))
        members[f"blobs/{digest[:2]}/{digest[2:]}"] = content
        manifest = msgspec.json.decode(members["manifest.json"])
        manifest["blobs"] += 1
        manifest["blob_bytes"] += len(content)
        members["manifest.json"] = codecs.encode(manifest)
        return members

    return change


def state_of(count: int):
    """A change by which many events make a state that is too large, each of few items."""

    many = msgspec.Raw(b"[" + b"{}," * 140_000 + b"0]")

    def change(members: dict[str, bytes]) -> dict[str, bytes]:
        members = edited(members, 4, **payload([["set", ["k"], []]]))
        return edited(members, *range(5, 5 + count), **payload([["app", ["k"], "v"]], v=many))

    return change


BOMBS = {
    "a value": (with_value(bytes(LISTS)), "more than 2000000 items"),
    "an event": (lambda m: edited(m, 5, **payload([], v=LISTS)), "more than 300000 items"),
    "a manifest": (with_run(accounts={"x": LISTS}), "more than 2000000 items"),
    "a state": (state_of(40), "the state after event"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_small_file_takes_no_large_memory(files, tmp_path: Path, name: str) -> None:
    change, reason = BOMBS[name]
    content = changed(files["parent"], change)
    store = open_store(tmp_path / "store", "process")
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match=reason):
            taken_in(store, content, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        store.close()
    assert peak < (400_000_000 if name == "a state" else 80_000_000)


IMPORT = """
import resource, sys
from pathlib import Path
from neurectomy.core.errors import InvalidInput
from neurectomy.storage.open import open_store
from neurectomy.timeline.importing import import_runs

store = open_store(Path(sys.argv[2]), "process")
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000, used + 60_000_000))
try:
    import_runs(store, Path(sys.argv[1]), lambda *_: None)
except InvalidInput as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_too_little_memory_is_a_refusal(files, tmp_path: Path) -> None:
    large = b'"' + b"a" * 100_000_000 + b'"'
    path = tmp_path / "large.nrun"
    path.write_bytes(changed(files["parent"], with_value(large)))
    words = [sys.executable, "-c", IMPORT, str(path), str(tmp_path / "store")]
    told = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "needs more memory than there is" in told.stdout


@given(st.recursive(st.text('[{,"\\a') | st.none(), lambda s: st.lists(s) | st.dictionaries(
    st.text('[{,"\\'), s)))  # fmt: skip
def test_what_stands_in_texts_does_not_count(value) -> None:
    def things(value) -> int:
        inner = value if isinstance(value, list) else []
        inner = [*value.values()] if isinstance(value, dict) else inner
        own = isinstance(value, list | dict) + max(0, len(inner) - 1)
        return own + sum(map(things, inner))

    content = codecs.encode(value)
    count = things(value)
    assert structure(content) >= count
    assert is_bounded(content, count)
    assert count == 0 or not is_bounded(content, count - 1)


def test_what_is_no_json_takes_no_endless_time() -> None:
    assert not is_bounded(b'""' * 10_000_000 + b",,,,,,,,,,,", 10)
    assert is_bounded(b'"' + b"\\" * 1_000_001, 0)
