"""Checks a run that came from elsewhere: its chain, the shape of its events, and that they fold."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict, Damaged
from neurectomy.storage.port import EventRow
from neurectomy.timeline import chain
from neurectomy.timeline.archive import ArchivedEvent, ArchivedKeyframe, refused
from neurectomy.timeline.bounds import MOST_OF_STATE, MOST_OF_VALUE, is_bounded, structure
from neurectomy.timeline.event import decode_header, from_row
from neurectomy.timeline.fold import fold
from neurectomy.timeline.mentions import Mentions
from neurectomy.timeline.values import CHUNK, Values, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from neurectomy.core.errors import InvalidInput
    from neurectomy.storage.port import RunRow, Store
    from neurectomy.timeline.event import Event, Patch

LOOK_AGAIN = 1_000_000
"""Items of events after which the size of the state is looked at."""

_decode_event = msgspec.json.Decoder(ArchivedEvent).decode
_decode_keyframe = msgspec.json.Decoder(ArchivedKeyframe).decode
_NULL = b"null"


def read_event(line: bytes) -> EventRow:
    """The event of a line of a file; raises what its parts raise."""
    found = _decode_event(line)
    header, payload = bytes(found.header), bytes(found.payload)
    seq, kind, _, step, *_ = decode_header(header)
    if "\0" in kind or "\0" in step:
        raise refused(f"event {seq} has a name that none can have")
    redacted = payload == _NULL
    if redacted != (found.salt is None):
        raise refused(f"event {seq} is redacted by half")
    return EventRow(
        seq,
        kind,
        step,
        header,
        None if redacted else payload,
        None if found.salt is None else bytes.fromhex(found.salt),
        bytes.fromhex(found.hash),
        bytes.fromhex(found.link),
    )


def read_keyframe(line: bytes) -> tuple[int, bytes]:
    """The keyframe of a line of a file."""
    found = _decode_keyframe(line)
    return found.seq, bytes(found.state)


class RunCheck:
    """Checks one run from its first event to its head.

    Args:
        row: As the file has it.
        parent: The check of the run that it continues, which has ended.
        wanted: The events at which other runs fork off.
        blobs: Sizes of the file's blobs by digest.
        read: The content of one.
        fits: Refuses an event that no reader could read.

    Attributes:
        state: At the head; null where redaction left it unknown.
    """

    def __init__(
        self,
        row: RunRow,
        parent: RunCheck | None,
        wanted: set[int],
        blobs: Mapping[str, int],
        read: Callable[[str], bytes],
        fits: Callable[[Event], None],
    ) -> None:
        self._row = row
        self._wanted = wanted
        self._blobs = blobs
        self._read = read
        self._fits = fits
        self._values = Values(self._value)
        self._mentions = Mentions(blobs)
        self._kept: dict[int, tuple[bytes, bytes]] = {}
        self._whole_json: set[str] = set()
        self._known: tuple[int, bytes] | None = None
        self._grown = 0
        self.state: Any = {}
        self._seq, self._link = 0, chain.GENESIS
        if parent is not None:
            self._seq = row.ancestry[-1].until
            self._link, state = parent._kept[self._seq]
            self.state = codecs.decode(state)

    def compare(self, existing: RunRow, store: Store) -> None:
        """Insist that a run of the store agrees as far as both go."""
        other = existing.ancestry != self._row.ancestry
        place = min(existing.head, self._row.head)
        if not other and place > self._seq:
            found = store.events(existing.id, place - 1, place, 1)
            if not found:
                raise Damaged(
                    f"event {place} of the run {existing.id} is missing here",
                    hint="Mend it first: neurectomy doctor --repair",
                )
            self._known = (place, found[0].link)
        if other:
            raise _another(existing.id, 0)

    def run(
        self, events: Iterator[EventRow], keyframes: Iterator[tuple[int, bytes]]
    ) -> frozenset[str]:
        """Check everything; the digests of the blobs that the run names."""
        self._mentions.look(self._row.program.encode())
        if self._row.program and self._row.program not in self._blobs:
            raise refused(f"the program of the run {self._row.id} is missing")
        frame = next(keyframes, None)
        for event in events:
            self._event(event)
            if frame is not None and frame[0] == self._seq:
                self._keyframe(frame[1])
                frame = next(keyframes, None)
            if self._seq in self._wanted:
                self._kept[self._seq] = (self._link, codecs.encode(self.state))
        if frame is not None or next(keyframes, None) is not None:
            raise refused("a keyframe has no event, or they are not in order")
        if self._seq != self._row.head or self._link != self._row.link:
            raise refused(f"the run {self._row.id} does not end as it says")
        while (digest := self._mentions.take()) is not None:
            self._mentions.look(self._read(digest))
        return frozenset(self._mentions.found)

    def _event(self, event: EventRow) -> None:
        if event.seq != self._seq + 1:
            raise refused(f"event {self._seq + 1} of the run {self._row.id} is missing")
        try:
            self._link = chain.verify([event], self._link)
        except Damaged as error:
            raise refused(error.message) from None
        self._seq = event.seq
        if self._known is not None and self._known[0] == self._seq and self._known[1] != self._link:
            raise _another(self._row.id, self._seq)
        decoded = from_row(event)
        self._fits(decoded)
        data, patch = decoded.data, decoded.patch
        if event.payload is None or data is None or patch is None:
            self.state = None
            return
        if b"$" in event.payload or b"\\u" in event.payload:
            self._references(data)
            self._references(patch)
        _refuse_sharing(data, patch)
        self._mentions.look(event.payload)
        if self.state is not None:
            try:
                self.state = fold(self.state, patch, data)
            except (LookupError, TypeError, AttributeError, ValueError):
                raise refused(f"event {self._seq} does not fit what is before it") from None
            self._grown += structure(event.payload)
            if self._grown > LOOK_AGAIN:
                self._grown = 0
                if not is_bounded(codecs.encode(self.state), MOST_OF_STATE):
                    raise self._too_large()

    def _too_large(self) -> InvalidInput:
        return refused(f"the state after event {self._seq} has more than {MOST_OF_STATE} items")

    def _value(self, digest: str) -> bytes:
        """The content of a blob that is JSON to be decoded."""
        content = self._read(digest)
        if not is_bounded(content, MOST_OF_VALUE):
            raise refused(f"the blob {digest[:12]} has more than {MOST_OF_VALUE} items")
        return content

    def _keyframe(self, root: bytes) -> None:
        self._mentions.look(root)
        if self.state is None:  # what was redacted is in no later state but in a keyframe's
            state = codecs.decode(root)
            self._lists(state, [0])
            self.state = state
            return
        packed = pack(self.state, self._values)
        chunks = self._values.take_fresh()
        if packed != root:
            self._lists(codecs.decode(root), [0])
            one = unpack(codecs.decode(packed), Values(lambda d: chunks.get(d) or self._value(d)))
            if one != unpack(codecs.decode(root), self._values):
                raise refused(f"the keyframe of event {self._seq} is not what its events give")
        elif missing := chunks.keys() - self._blobs.keys():
            raise refused(f"the blob {min(missing)[:12]} is missing")

    def _references(self, value: Any) -> None:
        """Insist that references lead to values, and that no list is in chunks yet."""
        if isinstance(value, dict):
            if "$list" in value:
                raise refused(f"event {self._seq} has a list as only keyframes have it")
            if "$blob" in value:
                self._reference(value)
            for inner in value.values():
                self._references(inner)
        elif isinstance(value, list):
            for inner in value:
                self._references(inner)

    def _reference(self, value: dict[str, Any]) -> None:
        digest = value["$blob"]
        sound = value.keys() == {"$blob", "bytes"} and digest in self._blobs
        if not sound or value["bytes"] != self._blobs[digest]:
            raise refused(f"event {self._seq} names a blob that is missing")
        if digest not in self._whole_json:
            codecs.decode(self._value(digest))
            self._whole_json.add(digest)

    def _lists(self, value: Any, total: list[int]) -> None:
        """Insist that chunked lists are as the writer makes them, and of a bounded size."""
        if isinstance(value, list):
            for inner in value:
                self._lists(inner, total)
        elif isinstance(value, dict) and "$list" not in value:
            if "$blob" in value:
                self._reference(value)
            for inner in value.values():
                self._lists(inner, total)
        elif isinstance(value, dict):
            digests, tail = value["$list"], value["tail"]
            if value.keys() != {"$list", "count", "tail"} or not isinstance(tail, list):
                raise refused(f"a list of the keyframe of event {self._seq} is wrong")
            for digest in digests:
                content = self._value(digest)
                total[0] += structure(content)
                if total[0] > MOST_OF_STATE:
                    raise self._too_large()
                items = codecs.decode(content)
                if not isinstance(items, list) or len(items) != CHUNK:
                    raise refused(f"a list of the keyframe of event {self._seq} is wrong")
                self._references(items)
            if value["count"] != CHUNK * len(digests) + len(tail):
                raise refused(f"a list of the keyframe of event {self._seq} is wrong")
            self._lists(tail, total)


def _refuse_sharing(data: dict[str, Any], patch: Patch) -> None:
    """Refuse a patch that puts one list or object at two places.

    The fold would share it, and what grows at one place would grow at both: a few hundred bytes
    could become a state of any size.
    """
    names = sorted(op[2] for op in patch if op[0] in ("put", "app"))
    for name, other in pairwise(names):
        if name == other and isinstance(data[name], dict | list):
            raise refused(f"the value {name!r} of an event stands at two places")


def _another(run: str, seq: int) -> Conflict:
    where = f": event {seq} differs" if seq else ""
    return Conflict(
        f"there is another run {run} here already{where}",
        hint=f"Look at it: neurectomy runs show {run}",
    )
