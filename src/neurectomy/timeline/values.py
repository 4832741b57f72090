"""Values that are too large for an event: stored once by content, referred to by digest."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged

INLINE_LIMIT = 2048
"""Bytes of JSON up to which a value stands in the event itself."""

MOST_NESTED = 100
"""Lists and objects up to which a value stands in the event itself; so a state is never deep."""

CHUNK = 64
"""Items of a long list that go into one blob."""

ReadBlob = Callable[[str], bytes | None]


def reference(digest: str, size: int) -> dict[str, Any]:
    """How a stored value stands in data and state."""
    return {"$blob": digest, "bytes": size}


class Values:
    """Interns values on their way in and resolves references on their way out.

    Args:
        read: Reads a blob by digest from the store.
        cache_bytes: Most bytes of blobs that are kept in memory.
    """

    def __init__(self, read: ReadBlob, cache_bytes: int = 16 * 1024 * 1024) -> None:
        self._read = read
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._cached = 0
        self._limit = cache_bytes
        self._fresh: dict[str, bytes] = {}
        self._opened: tuple[str, Any] = ("", None)

    def intern(self, value: Any) -> Any:
        """The value itself where it is small, else a reference to a blob that holds it."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str) and len(value) < INLINE_LIMIT // 6:
            return value
        encoded = codecs.encode(value)
        if len(encoded) <= INLINE_LIMIT and b'"$' not in encoded:
            nested = encoded.count(b"{") + encoded.count(b"[")
            if nested <= MOST_NESTED and encoded.count(b",") < 2 * CHUNK:
                return value
        return reference(self.add(encoded), len(encoded))

    def add(self, content: bytes) -> str:
        """Keep content for the next commit and return its digest."""
        digest = codecs.digest(content)
        self._fresh[digest] = content
        self._remember(digest, content)
        return digest

    def take_fresh(self) -> dict[str, bytes]:
        """The blobs added since the last call; they must be in the next commit."""
        fresh, self._fresh = self._fresh, {}
        return fresh

    def resolve(self, value: Any) -> Any:
        """What a reference refers to; any other value as it is.

        Raises:
            Damaged: The blob is missing.
        """
        if isinstance(value, dict) and "$blob" in value:
            return codecs.decode(self.blob(value["$blob"]))
        return value

    def opened(self, value: Any) -> Any:
        """As `resolve`, for who takes items of one value again and again and changes none."""
        if isinstance(value, dict) and "$blob" in value:
            if self._opened[0] != value["$blob"]:
                self._opened = (value["$blob"], self.resolve(value))
            return self._opened[1]
        return value

    def items(self, value: Any) -> Iterator[Any]:
        """The items of a list of the state, whichever form it has; items are resolved."""
        if isinstance(value, dict):
            for digest in value["$list"]:
                yield from map(self.resolve, codecs.decode(self.blob(digest)))
            value = value["tail"]
        yield from map(self.resolve, value)

    def last(self, value: Any, before: int = 0) -> Any:
        """The last item of a list of the state, or one ``before`` it; resolved.

        Raises:
            IndexError: The list is not that long.
        """
        if isinstance(value, dict):
            if before < len(value["tail"]):
                return self.resolve(value["tail"][-1 - before])
            chunk, place = divmod(before - len(value["tail"]), CHUNK)
            items = codecs.decode(self.blob(value["$list"][-1 - chunk]))
            return self.resolve(items[-1 - place])
        return self.resolve(value[-1 - before])

    def blob(self, digest: str) -> bytes:
        """The content of a blob.

        Raises:
            Damaged: It is missing.
        """
        content = self._cache.get(digest)
        if content is not None:
            self._cache.move_to_end(digest)
            return content
        content = self._fresh.get(digest) or self._read(digest)
        if content is None:
            raise Damaged(
                f"the blob {digest[:12]} is missing",
                hint="Restore the folder .neurectomy from a backup, or delete the run.",
                digest=digest,
            )
        self._remember(digest, content)
        return content

    def _remember(self, digest: str, content: bytes) -> None:
        if digest in self._cache or len(content) > self._limit // 4:
            return
        self._cache[digest] = content
        self._cached += len(content)
        while self._cached > self._limit:
            self._cached -= len(self._cache.popitem(last=False)[1])


def length(value: Any) -> int:
    """Items of a list of the state, whichever form it has."""
    return int(value["count"]) if isinstance(value, dict) else len(value)


def pack(state: Any, values: Values) -> bytes:
    """Encode a state as a keyframe's root.

    Lists of more than two chunks are replaced *in place* by their chunked form, whose full chunks
    are blobs: a chunk is written once however many keyframes hold it.
    """
    _seal(state, values)
    return codecs.encode(state)


def _seal(node: Any, values: Values) -> None:
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(entries):
        if isinstance(value, dict):
            if "$list" in value:
                _seal_tail(value, values)
            elif "$blob" not in value:
                _seal(value, values)
        elif isinstance(value, list) and value:
            if len(value) > 2 * CHUNK:
                node[key] = chunked = {"$list": [], "count": len(value), "tail": value}
                _seal_tail(chunked, values)
            else:
                _seal(value, values)


def _seal_tail(chunked: dict[str, Any], values: Values) -> None:
    tail = chunked["tail"]
    full = len(tail) // CHUNK * CHUNK
    for start in range(0, full, CHUNK):
        chunked["$list"].append(values.add(codecs.encode(tail[start : start + CHUNK])))
    chunked["tail"] = tail[full:]


def unpack(state: Any, values: Values) -> Any:
    """The state with every chunked list whole again; references to blobs stay."""
    if isinstance(state, dict):
        if "$list" in state:
            chunks = (codecs.decode(values.blob(digest)) for digest in state["$list"])
            whole = [item for chunk in chunks for item in chunk] + state["tail"]
            return [unpack(item, values) for item in whole]
        if "$blob" in state:
            return state
        return {key: unpack(value, values) for key, value in state.items()}
    if isinstance(state, list):
        return [unpack(item, values) for item in state]
    return state
