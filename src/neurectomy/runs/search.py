"""Search inside a run, page by page: each reads for a limited time and says where it stopped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from neurectomy.runs.malformed import telling
from neurectomy.runs.spans import CLOSES, ENDS, OPENS, Spans, opened_by, turn_of
from neurectomy.runs.step import step_view
from neurectomy.timeline.event import from_row
from neurectomy.timeline.values import Values

if TYPE_CHECKING:
    from neurectomy.runs.overview import Overviews
    from neurectomy.runs.query import Term
    from neurectomy.runs.spans import Span
    from neurectomy.storage.port import EventRow, RunRow
    from neurectomy.timeline.event import Event
    from neurectomy.timeline.log import Log

PAGE_SECONDS = 0.25
"""How long one page is read for; the next goes on where it stopped."""

MOST_MATCHES = 500
"""Matches of one page."""

READ = 1000
"""Events that are read at a time."""

_ERRORS = (".failed", ".rejected")
_OTHER_ERRORS = frozenset({"run.expired", "tool.unknown"})
_CLOSED = frozenset(CLOSES) - {"human.answered"}
_FOLLOWED = frozenset({"step.started", "human.answered", *OPENS, *ENDS})


class Match(Struct, frozen=True):
    """An event that was found."""

    seq: int
    kind: str
    step: str
    mono: int


class SearchPage(Struct, frozen=True):
    """Matches in order.

    Attributes:
        searched: The last event that was looked at.
        next: Passed as ``after`` for more; null where the log ends.
    """

    matches: list[Match]
    searched: int
    head: int
    next: int | None


class Search:
    """A query over one run, from a place on. Blocking."""

    def __init__(
        self, log: Log, overviews: Overviews, row: RunRow, terms: tuple[Term, ...], after: int
    ) -> None:
        self._log, self._overviews, self._row, self._terms = log, overviews, row, terms
        self._after = max(0, min(after, row.head))
        self._values = Values(log.store.blob)
        self._needles = [_needle(term) for term in terms if term.field == "text" and term.wanted]
        fields = {term.field for term in terms}
        self._follows = bool(fields & {"tool", "agent", "took"})
        opened = None
        if self._follows and self._after:
            opened = opened_by(log.state(row.id, self._after))
        self._spans = Spans(opened, self._after, -1)

    @telling()
    def page(self, limit: int) -> SearchPage:
        """The next matches."""
        until = time.monotonic() + PAGE_SECONDS
        matches: list[Match] = []
        after = self._after
        while after < self._row.head:
            rows = self._log.rows(self._row.id, after, READ)
            if not rows:
                break
            for row in rows:
                after = row.seq
                found = self._match(row)
                if found is not None:
                    matches.append(found)
                    if len(matches) >= limit:
                        return SearchPage(matches, after, self._row.head, after)
            if time.monotonic() > until:
                break
        more = after < self._row.head
        return SearchPage(matches, after, self._row.head, after if more else None)

    def _match(self, row: EventRow) -> Match | None:
        if not self._may_match(row):
            if self._follows and row.kind in _CLOSED:
                self._spans.open.pop(row.step, None)
            elif self._follows and row.kind in _FOLLOWED:
                self._follow(from_row(row))
            return None
        event = from_row(row)
        span = self._follow(event) if self._follows else None
        if all(self._holds(term, event, span) == term.wanted for term in self._terms):
            return Match(event.seq, event.kind, event.step, event.mono)
        return None

    def _may_match(self, row: EventRow) -> bool:
        """Whether it is worth decoding: what can be told without says nothing against it."""
        for term in self._terms:
            if term.field == "error" and is_error(row.kind) != term.wanted:
                return False
            if term.field == "kind" and (term.value in row.kind.lower()) != term.wanted:
                return False
            if term.field == "step" and (term.value in row.step.lower()) != term.wanted:
                return False
            if term.field == "took" and term.wanted and row.kind not in CLOSES:
                return False
            spends = term.field in ("cost", "tokens")
            if spends and term.wanted and row.kind != "model.responded":
                return False
        if not self._needles:
            return True
        payload = (row.payload or b"").lower()
        if b'"$blob"' in payload:
            return True
        names = f"{row.kind} {row.step}".lower().encode()
        return all(needle in payload or needle in names for needle in self._needles)

    def _follow(self, event: Event) -> Span | None:
        """The span that the event belongs to."""
        turn = turn_of(event)
        span = None if turn is None else self._spans.add(turn)
        self._spans.found.clear()
        return span or self._spans.open.get(event.step)

    def _holds(self, term: Term, event: Event, span: Span | None) -> bool:
        data = event.data or {}
        match term.field:
            case "text":
                return self._has_text(term.value, event)
            case "error":
                return is_error(event.kind)
            case "kind":
                return term.value in event.kind.lower()
            case "step":
                return term.value in event.step.lower()
            case "model":
                named = data.get("model")
                return isinstance(named, str) and term.value in named.lower()
            case "tool":
                named = data.get("tool") or (span.lane if span and span.kind == "tool" else "")
                return isinstance(named, str) and term.value == named.lower()
            case "agent":
                return self._in_agent(term.value, event.step, span)
            case "cost":
                cost = _usage(data).get("cost_nanos")
                return isinstance(cost, int) and term.compares(cost)
            case "tokens":
                usage = _usage(data)
                known = [usage.get(name) for name in ("input_tokens", "output_tokens")]
                found = [number for number in known if isinstance(number, int)]
                return bool(found) and term.compares(sum(found))
            case _:
                took = self._took(event, span)
                return took is not None and term.compares(took)

    def _in_agent(self, name: str, step: str, span: Span | None) -> bool:
        if span is not None and span.step == step and span.kind == "agent":
            return span.lane.lower() == name
        path = step
        while path:
            known = self._spans.open.get(path)
            if known is not None and known.kind == "agent":
                return known.lane.lower() == name
            path = path.rpartition("/")[0]
        return False

    def _took(self, event: Event, span: Span | None) -> int | None:
        if event.kind not in CLOSES:
            return None
        took = (event.data or {}).get("took_us")
        if isinstance(took, int):
            return took
        if span is None or span.step != event.step:
            return None
        if span.began < 0:  # it began before the page did
            span.began = self._began(span)
        return event.mono - span.began

    def _began(self, span: Span) -> int:
        view = step_view(self._log, self._overviews, self._row, span.step, span.start)
        return view.span.began

    def _has_text(self, text: str, event: Event) -> bool:
        if text in event.kind.lower() or text in event.step.lower():
            return True
        return self._in_value(text, event.data)

    def _in_value(self, text: str, value: Any) -> bool:
        """Whether a text stands in a value, in the names of its parts, or in what it refers to."""
        if isinstance(value, str):
            return text in value.lower()
        if isinstance(value, dict):
            if "$blob" in value:
                content = self._values.blob(value["$blob"])
                return _written(text) in content.decode("utf-8", "replace").lower()
            return any(
                text in key.lower() or self._in_value(text, item) for key, item in value.items()
            )
        if isinstance(value, list):
            return any(self._in_value(text, item) for item in value)
        return value is not None and not isinstance(value, bool) and text == str(value)


def is_error(kind: str) -> bool:
    """Whether an event of a kind says that something went wrong."""
    return kind.endswith(_ERRORS) or kind in _OTHER_ERRORS


def _usage(data: dict[str, Any]) -> dict[str, Any]:
    usage = data.get("usage")
    return usage if isinstance(usage, dict) else {}


def _written(text: str) -> str:
    """A text as it stands in JSON."""
    return msgspec.json.encode(text).decode()[1:-1]


def _needle(term: Term) -> bytes:
    return _written(term.value).encode()
