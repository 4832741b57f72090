"""Texts taken out of what a log holds: out of its values, never out of its structure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from neurectomy.core import codecs
from neurectomy.timeline.values import reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from neurectomy.timeline.event import Patch
    from neurectomy.timeline.values import ReadBlob

SCAR = "[redacted]"
"""What stands in place of a text that was erased."""

_STRUCTURE = {
    "state": frozenset(
        {"status", "flow", "program", "models", "limits", "ready", "pending", "accounts", "files",
         "breakpoints", "paused", "passed", "stepping"}
    ),
    "frame": frozenset(
        {"kind", "callee", "flow", "parent", "node", "at", "counts", "started", "joined", "phase",
         "turn", "attempt", "acted", "calls", "output", "retry", "timeout_ms", "call", "count",
         "next", "open", "spent"}
    ),
    "data": frozenset(
        {"flow", "program", "models", "limits", "run", "at", "by", "owner", "unknown", "usage",
         "finish", "took_us", "cpu_us", "stream", "tool", "call", "kind", "callee", "taken", "name",
         "iteration", "iterations", "request", "model", "attempt", "reserved", "schema", "type",
         "decision", "ms", "limit_ms", "count", "files", "breakpoints", "breakpoint"}
    ),
    "error": frozenset({"code", "step", "retryable", "retry_after_ms"}),
    "message": frozenset({"role", "call", "tool", "input", "id"}),
}  # fmt: skip
"""Keys below which there are no values of people, models or tools, by what they are keys of."""

_WITHIN = {
    "state": {"frames": "frames", "error": "error", "inputs": "names"},
    "frames": {},
    "frame": {"error": "error", "messages": "messages", "env": "names", "args": "names"},
    "data": {"error": "error", "message": "message", "messages": "messages",
             "about": "data", "arguments": "names", "inputs": "names", "changes": "changes"},
    "changes": {"inputs": "names", "models": "structure", "limits": "structure",
                "program": "structure", "files": "structure", "state": "state"},
    "message": {"calls": "messages", "content": "messages"},
}  # fmt: skip
"""What is below a key, where it is no value."""


class Scrub:
    """Replaces texts in values, and remembers the blobs that hold them.

    Args:
        texts: What is to go.
        read: Reads a blob.
        whole: Digests of blobs that go as they are.

    Attributes:
        blobs: Content of the blobs that stand in place of others, by digest.
        dirty: Digests of the blobs that hold a text.
    """

    def __init__(self, texts: Iterable[str], read: ReadBlob, whole: Iterable[str] = ()) -> None:
        self._texts = sorted(set(texts), key=len, reverse=True)
        self._needles = [codecs.encode(text)[1:-1] for text in self._texts]
        self._read = read
        self._whole = set(whole)
        self._known: dict[str, dict[str, Any]] = {}
        self.blobs: dict[str, bytes] = {}
        self.dirty: set[str] = set(self._whole)

    def holds(self, data: dict[str, Any], patch: Patch, payload: bytes) -> bool:
        """Whether an event holds a text, itself or in a blob that it names."""
        if b'"$' not in payload and not self.may_hold(payload):
            return False
        if self._within("data", data) is not data:
            return True
        return any(self._operation(operation) is not operation for operation in patch)

    def state(self, state: Any) -> Any:
        """A state without the texts; the same object where it holds none."""
        return self._within("state", state)

    def text(self, text: str) -> str:
        """A text without the texts."""
        for one in self._texts:
            if one in text:
                text = text.replace(one, SCAR)
        return text

    def named_in(self, contents: Iterable[bytes]) -> dict[str, bytes]:
        """Of the blobs that stand in place of others those that some contents name, all the way."""
        named: dict[str, bytes] = {}
        waiting = list(contents)
        while waiting:
            content = waiting.pop()
            for digest, blob in self.blobs.items():
                if digest not in named and digest.encode() in content:
                    named[digest] = blob
                    waiting.append(blob)
        return named

    def value(self, value: Any) -> Any:
        """A value of somebody, without the texts; names of its fields count too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return _same(value, {self.text(k): self.value(v) for k, v in value.items()})
        if isinstance(value, list):
            return _same(value, [self.value(inner) for inner in value])
        return value

    def may_hold(self, content: bytes) -> bool:
        """Whether JSON holds a text, wherever that is."""
        return any(needle in content for needle in self._needles)

    def _operation(self, operation: list[Any]) -> list[Any]:
        """An operation of a patch; what it takes from the event's data is looked at there."""
        name, path = operation[0], operation[1]
        if name not in ("set", "add"):
            return operation
        kind = "state"
        for key in path:
            kind = self._below(kind, key)
        if name == "add" and kind == "messages":
            kind = "message"
        made = self._within(kind, operation[2])
        return operation if made is operation[2] else [name, path, made]

    def _below(self, kind: str, key: Any) -> str:
        if kind in ("value", "structure"):
            return kind
        if key in _STRUCTURE.get(kind, ()):
            return "structure"
        fixed = {"frames": "frame", "messages": "message", "names": "value"}
        return fixed.get(kind) or _WITHIN.get(kind, {}).get(key, "value")

    def _within(self, kind: str, value: Any) -> Any:
        """What is at a place of some kind, without the texts; the same object where it has none."""
        if kind == "structure" or value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            if "$blob" in value:
                return self._reference(kind, value)
            if "$list" in value:
                return self._chunked(kind, value)
            if kind == "value":
                made = {self.text(k): self._within("value", v) for k, v in value.items()}
                return _same(value, made)
            return _same(
                value, {k: self._within(self._below(kind, k), v) for k, v in value.items()}
            )
        if isinstance(value, list):
            inner = "message" if kind == "messages" else kind
            return _same(value, [self._within(inner, item) for item in value])
        return self.text(value) if isinstance(value, str) else value

    def _reference(self, kind: str, value: dict[str, Any]) -> Any:
        """A reference to a blob, to another where the blob holds a text."""
        digest = value["$blob"]
        if digest in self._whole:
            return SCAR
        if digest not in self._known:
            message = kind in ("message", "messages")
            self._known[digest] = self._cleaned(value, self._message if message else self.value)
        return self._known[digest]

    def _message(self, value: Any) -> Any:
        return self._within("message", value)

    def _cleaned(self, value: dict[str, Any], clean: Callable[[Any], Any]) -> dict[str, Any]:
        content = self._read(value["$blob"])
        if content is None or not (self.may_hold(content) or b'"$blob"' in content):
            return value
        try:
            found = codecs.decode(content)
        except msgspec.DecodeError:
            return value
        made = clean(found)
        if made is found:
            return value
        self.dirty.add(value["$blob"])
        encoded = codecs.encode(made)
        digest = codecs.digest(encoded)
        self.blobs[digest] = encoded
        return reference(digest, len(encoded))

    def _chunked(self, kind: str, value: dict[str, Any]) -> dict[str, Any]:
        """A long list: each of its chunks is a blob, whose items may be references."""
        chunks = []
        for digest in value["$list"]:
            if digest not in self._known:
                self._known[digest] = self._cleaned(
                    {"$blob": digest}, lambda items: self._within(kind, items)
                )
            chunks.append(self._known[digest]["$blob"])
        tail = self._within(kind, value["tail"])
        if chunks == value["$list"] and tail is value["tail"]:
            return value
        return {**value, "$list": chunks, "tail": tail}


def _same(old: Any, new: Any) -> Any:
    """The old value where the new one is made of the same objects, so that nobody copies."""
    if isinstance(old, dict):
        unchanged = all(a is b for a, b in zip(old.values(), new.values(), strict=False))
        return old if unchanged and list(old) == list(new) else new
    return old if all(a is b for a, b in zip(old, new, strict=True)) else new
