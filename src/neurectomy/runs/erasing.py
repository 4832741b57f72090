"""Redaction afterwards: what holds a text is found everywhere and erased; a scar stays."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from neurectomy.core import codecs
from neurectomy.core.errors import Conflict, InvalidInput, NotFound, StorageError
from neurectomy.redaction.patterns import find_own
from neurectomy.redaction.redactor import is_secret
from neurectomy.runs.remains import what_remains
from neurectomy.runs.scrub import SCAR, Scrub
from neurectomy.storage.ancestry import segments
from neurectomy.storage.port import Erasure, RunRow
from neurectomy.timeline.event import Event, decode_payload, from_row, to_row
from neurectomy.timeline.log import PAGE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from neurectomy.core.clock import Clock
    from neurectomy.storage.port import EventRow
    from neurectomy.timeline.log import Log

logger = logging.getLogger(__name__)

SHORTEST = 6
"""Characters of an event's text from which on it is looked for elsewhere: ``yes`` is everywhere."""

MOST_TEXTS = 1000
"""Texts that one redaction looks for."""

_GIVEN = ("value", "message", "stdout", "stderr", "inputs", "arguments", "messages", "error",
          "changes", "question", "problem", "result")  # fmt: skip
"""Parts of an event's data that somebody gave."""

_CUT = range(3, 120)
"""Characters of a text that may be at the end of a title that was cut."""

_NAMES = frozenset({"role", "call", "tool", "input", "id", "code", "step", "$blob"})
"""Keys of messages and errors whose texts are the engine's own."""


class Wanted(Struct, frozen=True):
    """What is to be erased; any of these.

    Attributes:
        at: Events, by ``seq``.
        text: Whatever holds this text.
        pattern: Whatever holds a match of this pattern, in RE2's syntax.
        step: What the step at this path gave.
    """

    at: tuple[int, ...] = ()
    text: str = ""
    pattern: str = ""
    step: str = ""


class ErasedRun(Struct, frozen=True):
    """What is erased from one run.

    Attributes:
        events: ``seq`` of its own events.
        keyframes: Kept states that are cleaned.
        title: Whether its title or a label held a text.
        hidden: Whether it was deleted, and is kept for its forks.
    """

    run: str
    events: list[int]
    keyframes: int
    title: bool
    hidden: bool


class Redaction(Struct, frozen=True):
    """What a redaction erased, or would erase.

    Attributes:
        events: ``seq`` of the events that the run shows as redacted from now on.
        runs: Every run that held something, forks that share events among them.
        blobs: Stored values that are gone.
        remains: What still holds a text, and why, in words.
        not_searched: Texts that were too short to be looked for beyond the events named.
        dry_run: Whether nothing was erased.
    """

    run: str
    events: list[int]
    runs: list[ErasedRun]
    blobs: int
    remains: list[str]
    not_searched: int
    dry_run: bool


class Eraser:
    """Finds what is to be erased, and erases it from every run that has it.

    Args:
        rest: Leaves a run that only waits as the log has it, and refuses one that is in motion.
        sole: Whether no other process writes this log, so that any lease found is a dead one's.
    """

    def __init__(
        self, log: Log, clock: Clock, rest: Callable[[str], Awaitable[None]], *, sole: bool
    ) -> None:
        self._log = log
        self._clock = clock
        self._rest = rest
        self._sole = sole

    async def redact(
        self, row: RunRow, wanted: Wanted, *, by: str, reason: str, dry_run: bool
    ) -> Redaction:
        """Erase what is wanted from a run and from every run that shares it.

        Raises:
            InvalidInput: Nothing is wanted, or an event is not there.
            NotFound: Nothing in the run holds it.
            Conflict: A run that shares it is in motion, or has changed meanwhile.
        """
        found = await asyncio.to_thread(self._find, row, wanted)
        work = await asyncio.to_thread(self._work_out, row, found)
        if dry_run:
            return work.told
        for other in work.affected:
            await self._rest(other.id)
            now = await asyncio.to_thread(self._log.row, other.id)
            if not self._sole and now.lease_owner and now.lease_until_us > self._clock.wall():
                raise in_motion(other.id)
        how = [name for name in ("at", "text", "pattern", "step") if getattr(wanted, name)]
        data = {"by": by, "reason": reason, "how": how, "run": row.id}
        erasures = await asyncio.to_thread(self._erasures, work, data)
        store = self._log.store
        kept = await asyncio.to_thread(store.erase, erasures)
        self._log.forget()
        for erasure in erasures:
            self._log.tell(erasure.run, [] if erasure.event is None else [erasure.event])
        remains = [f"the value {digest[:12]}, which other runs name too" for digest in kept]
        if not await self._wiped():
            remains.append("free pages of the database's file, until it is redacted again")
        told = work.told
        return structs.replace(
            told, blobs=told.blobs - len(kept), remains=[*told.remains, *remains], dry_run=False
        )

    async def _wiped(self) -> bool:
        """Whether no bytes are left in the database's files; what is erased is so in any case."""
        try:
            return await asyncio.to_thread(self._log.store.wipe)
        except StorageError as error:
            logger.warning("the database cannot be written anew: %s", error.message)
            return False

    def _find(self, row: RunRow, wanted: Wanted) -> _Found:
        """The events and texts that somebody means."""
        if not (wanted.at or wanted.text or wanted.pattern or wanted.step):
            hint = "Name events, a text, a pattern or a step."
            raise InvalidInput("nothing is said of what to redact", hint=hint)
        found = _Found(set(), set(), set(), {}, 0)
        if wanted.text:
            found.texts.add(wanted.text)
        matches = find_own(wanted.pattern) if wanted.pattern else None
        for seq in wanted.at:
            if not 1 <= seq <= row.head:
                hint = f"The last one is {row.head}."
                raise InvalidInput(f"the run has no event {seq}", hint=hint)
        if not (matches or wanted.at or wanted.step):
            return found
        for _, stored in self._events(segments(row)):
            event = from_row(stored)
            if event.data is None:
                continue
            if event.seq in wanted.at or (wanted.step and event.step == wanted.step):
                self._take(found, event)
            if matches is not None:
                for text in self._texts([event.data, event.patch]):
                    found.texts.update(matches(text))
            if len(found.texts) > MOST_TEXTS:
                hint = "Redact less at once."
                raise InvalidInput(f"there are more than {MOST_TEXTS} texts to erase", hint=hint)
        if wanted.step and not found.events:
            hint = "`runs show --events` lists them."
            raise NotFound(f"the run has no step {wanted.step}", hint=hint)
        return found

    def _take(self, found: _Found, event: Event) -> None:
        """Take an event with all that it was given."""
        data = event.data or {}
        found.events.add(event.seq)
        for name in _GIVEN:
            if name not in data:
                continue
            for text in self._texts(data[name]):
                if is_secret(text):  # it stands for a value that is stored nowhere
                    continue
                if len(text) >= SHORTEST:
                    found.texts.add(text)
                elif text:
                    found.short += 1
            found.digests.update(_digests(data[name]))
        for operation in event.patch or ():
            if operation[0] == "put" and operation[2] in _GIVEN:
                found.places[tuple(operation[1])] = data[operation[2]]

    def _texts(self, value: Any) -> Iterator[str]:
        """Every text in a value, what it refers to included."""
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for inner in value:
                yield from self._texts(inner)
        elif isinstance(value, dict):
            if "$blob" in value:
                yield from self._texts(self._log.reader.resolve(value))
                return
            for key, inner in value.items():
                if key not in _NAMES:
                    yield from self._texts(inner)

    def _events(self, parts: list[tuple[str, int, int]]) -> Iterator[tuple[str, EventRow]]:
        """Events of parts of logs, each with the run that holds it."""
        for owner, first, until in parts:
            after = first
            while after < until:
                page = self._log.store.events(owner, after, until, PAGE)
                if not page:
                    break
                for stored in page:
                    yield owner, stored
                after = page[-1].seq

    def _work_out(self, row: RunRow, found: _Found) -> _Work:
        """Where everything is that has to go; nothing is changed."""
        scrub = Scrub(found.texts, self._log.store.blob, found.digests)
        erased: dict[str, set[int]] = {}
        for owner, stored in self._events(segments(row)):
            if stored.seq in found.events or _holds(scrub, stored):
                erased.setdefault(owner, set()).add(stored.seq)
        affected = {row.id: row}
        left = [other for other in self._log.store.relatives(row.id) if other.id != row.id]
        while more := [other for other in left if _seen(other, erased)]:
            left = [other for other in left if other not in more]
            for other in more:
                affected[other.id] = other
                for owner, stored in self._events(segments(other)[-1:]):
                    if _holds(scrub, stored):
                        erased.setdefault(owner, set()).add(stored.seq)
        runs = list(affected.values())
        keyframes = {one.id: self._keyframes(one, erased, scrub, found) for one in runs}
        told = [
            ErasedRun(
                one.id,
                sorted(erased.get(one.id, ())),
                len(keyframes[one.id]),
                _title(one, scrub, found) != one.title or scrub.value(one.labels) != one.labels,
                one.hidden,
            )
            for one in runs
        ]
        seen = _seen(row, erased)
        if not seen and not any(one.title for one in told):
            raise NotFound("nothing in the run holds that", hint="`runs show --events` shows all.")
        named = {one.id: self._log.store.blobs_of(one.id) for one in runs}
        blobs = len(scrub.dirty & {digest for digests in named.values() for digest in digests})
        texts = [text.encode() for text in found.texts]  # a file has them as they are

        def holds(digest: str) -> bool:
            content = b"" if digest in scrub.dirty else self._log.store.blob(digest) or b""
            return scrub.may_hold(content) or any(text in content for text in texts)

        remains = what_remains(self._log, runs, named, holds)
        lines = [line for line, _ in remains]
        naming = Counter(run for _, those in remains for run in those)
        redaction = Redaction(row.id, seen, told, blobs, lines, found.short, dry_run=True)
        return _Work(runs, erased, keyframes, named, scrub, found, naming, redaction)

    def _keyframes(
        self, row: RunRow, erased: dict[str, set[int]], scrub: Scrub, found: _Found
    ) -> dict[int, bytes]:
        """The run's kept states that change, and those from which its scars are stepped over."""
        keyframes: dict[int, bytes] = {}
        until = row.head
        while (kept := self._log.store.keyframe(row.id, until)) is not None:
            seq, root = kept
            content = codecs.encode(_clean(codecs.decode(root), scrub, found))
            if content != root or seq in erased.get(row.id, ()):
                keyframes[seq] = content
            until = seq - 1
        for seq in erased.get(row.id, ()):
            if seq not in keyframes:
                state = _clean(self._log.state(row.id, seq), scrub, found)
                keyframes[seq] = codecs.encode(state)
        return keyframes

    def _erasures(self, work: _Work, data: dict[str, Any]) -> list[Erasure]:
        """What the store is asked for; the event that tells of it comes with it."""
        return [
            Erasure(
                one.id,
                one.head,
                one.link,
                one.lease_epoch,
                self._event(one, {**data, **_scar(one, work)}),
                tuple(sorted(work.erased.get(one.id, ()))),
                tuple(sorted(work.keyframes[one.id].items())),
                work.scrub.named_in(work.keyframes[one.id].values()),
                tuple(digest for digest in work.named[one.id] if digest in work.scrub.dirty),
                _title(one, work.scrub, work.found),
                work.scrub.value(one.labels),
            )
            for one in work.affected
        ]

    def _event(self, row: RunRow, data: dict[str, Any]) -> EventRow | None:
        """The event that tells of it; null where nobody reads the run, or it has none yet."""
        if row.hidden or row.head == 0:
            return None
        owner = next(o for o, first, until in segments(row) if first < row.head <= until)
        last = from_row(self._log.store.events(owner, row.head - 1, row.head, 1)[0])
        now = self._clock.wall()
        event = Event(row.head + 1, "run.redacted", 1, "", (), now, last.mono, data, [])
        return to_row(event, row.link)


class _Work(Struct):
    """A redaction that is worked out: what is erased, by run."""

    affected: list[RunRow]
    erased: dict[str, set[int]]
    keyframes: dict[str, dict[int, bytes]]
    named: dict[str, list[str]]
    scrub: Any
    found: _Found
    naming: Counter[str]
    told: Redaction


class _Found(Struct):
    """What somebody means: events, texts, stored values, and where events put what came in."""

    events: set[int]
    texts: set[str]
    digests: set[str]
    places: dict[tuple[Any, ...], Any]
    short: int


def _scar(row: RunRow, work: _Work) -> dict[str, Any]:
    """What the event says of a run: what was erased, and how much still holds a text."""
    left = work.naming[row.id]
    return {
        "events": _ranges(_seen(row, work.erased)),
        **({"remains": left} if left else {}),
    }


def _holds(scrub: Scrub, stored: EventRow) -> bool:
    if stored.payload is None:
        return False
    data, patch = decode_payload(stored.payload)
    return scrub.holds(data, patch, stored.payload)


def _seen(row: RunRow, erased: dict[str, set[int]]) -> list[int]:
    """Of the events that are erased those that a run has, its own or shared, in order."""
    return sorted(
        seq
        for owner, first, until in segments(row)
        for seq in erased.get(owner, ())
        if first < seq <= until
    )


def _clean(state: Any, scrub: Scrub, found: _Found) -> Any:
    """A state without texts, and with a scar where a value of an erased event still stands."""
    for path, value in found.places.items():
        target = state
        try:
            for key in path[:-1]:
                target = target[key]
            if target[path[-1]] == value:
                target[path[-1]] = _scarred(value)
        except (KeyError, IndexError, TypeError):
            continue  # that place is gone at this moment
    return scrub.state(state)


def _scarred(value: Any) -> Any:
    """A value with a scar in place of each part that stands for itself."""
    if isinstance(value, dict) and "$blob" not in value:
        return {key: _scarred(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_scarred(inner) for inner in value]
    return value if value is None else SCAR


def _title(row: RunRow, scrub: Scrub, found: _Found) -> str:
    """The title, which may be the beginning of a text with other spaces."""
    beginning = row.title.removesuffix("…")
    for text in found.texts:
        if len(beginning) >= SHORTEST and " ".join(text.split()).startswith(beginning):
            return SCAR
        if beginning != row.title and any(beginning.endswith(text[:n]) for n in _CUT):
            return SCAR  # it was cut within the text
    return scrub.text(row.title)


def _digests(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$blob" in value:
            yield value["$blob"]
        else:
            for inner in value.values():
                yield from _digests(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _digests(inner)


def _ranges(seqs: list[int]) -> list[list[int]]:
    """Numbers in order as ranges, both ends included."""
    ranges: list[list[int]] = []
    for seq in seqs:
        if ranges and ranges[-1][1] == seq - 1:
            ranges[-1][1] = seq
        else:
            ranges.append([seq, seq])
    return ranges


def in_motion(run: str) -> Conflict:
    """The error of a run that cannot be redacted while it goes on."""
    hint = f"Wait for its end, or cancel it first: neurectomy runs cancel {run}"
    return Conflict(f"the run {run} is in motion, and holds what is to be erased", hint=hint)
