"""What is asked about a run's time: overviews, what stands out, steps, branches, search, notes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from neurectomy.core.errors import InvalidInput
from neurectomy.runs.branches import Branch, branches_of
from neurectomy.runs.marks import Mark, Note, marked_rows, marks_of
from neurectomy.runs.notes import MOST_TEXT
from neurectomy.runs.overview import Overview
from neurectomy.runs.query import parse_query
from neurectomy.runs.search import MOST_MATCHES, Search, SearchPage
from neurectomy.runs.step import StepView, step_view
from neurectomy.runs.visits import Visits
from neurectomy.server.operation import Operation, Parameter

if TYPE_CHECKING:
    from neurectomy.server.context import Services

MOST_BUCKETS = 4096
"""Parts in which a window is counted at most."""

MOST_MARKS = 1000
"""Marks of one page."""


class NoteInput(Struct, frozen=True, forbid_unknown_fields=True):
    """A note about the event ``at``; without a text it is a bookmark."""

    at: int
    text: Annotated[str, Meta(max_length=MOST_TEXT)] = ""


class VisitsView(Struct, frozen=True):
    """How often each part of the program was reached by a moment."""

    at: int
    parts: dict[str, Visits]


async def show_overview(
    services: Services, run: str, began: int, ended: int, buckets: int
) -> Overview:
    """A window of a run."""
    if not 1 <= buckets <= MOST_BUCKETS:
        raise InvalidInput(f"a window has 1 to {MOST_BUCKETS} buckets", hint="Ask for fewer.")
    if began < 0 or 0 <= ended < began:
        raise InvalidInput("a window ends after it began", hint="Both are microseconds.")
    row = await services.runs.row(run)
    notes = await services.runs.notes(row)
    make = services.runs.overviews.overview
    return await asyncio.to_thread(make, row, notes, began, ended, buckets)


async def list_marks(services: Services, run: str, after: int, limit: int, back: int) -> list[Mark]:
    """What stands out after an event, or before it, the next one first."""
    row = await services.runs.row(run)
    notes = await services.runs.notes(row)
    limit = max(1, min(limit, MOST_MARKS))
    low, high = (0, max(0, after - 1)) if back else (max(0, after), row.head)

    def read() -> list[Mark]:
        found: list[Mark] = []
        start, end = low, high
        while start < end and len(found) < limit:  # some events that the index has are no marks
            rows = marked_rows(
                services.log.store, row, start, end, limit=4 * limit, newest=bool(back)
            )
            found += marks_of(rows)
            if len(rows) < 4 * limit:
                break
            start, end = (start, rows[-1].seq - 1) if back else (rows[-1].seq, end)
        found += [
            Mark(note.seq, "note", "note.added", note.step, note.mono, note.text)
            for note in notes
            if low < note.seq <= high
        ]
        return sorted(found, key=lambda mark: mark.seq, reverse=bool(back))[:limit]

    return await asyncio.to_thread(read)


async def show_span(services: Services, run: str, step: str, at: int) -> StepView:
    """A step at or around a moment."""
    row = await services.runs.row(run)
    seq = row.head if at < 0 else min(at, row.head)
    return await asyncio.to_thread(step_view, services.log, services.runs.overviews, row, step, seq)


async def show_visits(services: Services, run: str, at: int) -> VisitsView:
    """What each part of the program has come to by a moment."""
    row = await services.runs.row(run)
    seq = row.head if at < 0 else min(at, row.head)
    return VisitsView(seq, await asyncio.to_thread(services.runs.visits.until, row, seq))


async def list_branches(services: Services, run: str) -> list[Branch]:
    """The run and those of its tree."""
    row = await services.runs.row(run)
    axis = services.runs.overviews.axis
    return await asyncio.to_thread(branches_of, services.log.store, axis, row)


async def search_run(
    services: Services, run: str, query: str, after: int, limit: int
) -> SearchPage:
    """Events of a run that match a query."""
    terms = parse_query(query)
    row = await services.runs.row(run)
    most = max(1, min(limit, MOST_MATCHES))

    def read() -> SearchPage:
        return Search(services.log, services.runs.overviews, row, terms, after).page(most)

    return await asyncio.to_thread(read)


async def list_notes(services: Services, run: str) -> list[Note]:
    """The notes of a run, by the moment that they are about."""
    return await services.runs.notes(await services.runs.row(run))


async def add_note(services: Services, run: str, body: NoteInput) -> list[Note]:
    """Write a note."""
    return await services.runs.notes(await services.runs.notebook.add(run, body.at, body.text))


async def remove_note(services: Services, run: str, note: str) -> list[Note]:
    """Take a note back."""
    named = int(note) if note.isascii() and note.isdigit() and len(note) < 19 else 0
    return await services.runs.notes(await services.runs.notebook.remove(run, named))


_AT = Parameter("at", int, -1, "seq of an event; the last one by default")
_WINDOW = (
    Parameter("began", int, 0, "microseconds on the run's clock"),
    Parameter("ended", int, -1, "likewise; the last event by default"),
    Parameter("buckets", int, 600, "parts in which it is counted, at most 4,096"),
)
_MARKS = (
    Parameter("after", int, 0, "seq of an event"),
    Parameter("limit", int, 100, "at most 1,000"),
    Parameter("back", int, 0, "1 for those before it, the last one first"),
)
_SEARCH = (
    Parameter("query", str, "", "see docs/guides/timeline.md"),
    Parameter("after", int, 0, "the last seq that was searched"),
    Parameter("limit", int, 500, "at most 500"),
)

OPERATIONS = (
    Operation(
        "show_overview",
        "GET",
        "/api/runs/{run}/overview",
        "A window of its time",
        show_overview,
        Overview,
        query=_WINDOW,
    ),
    Operation(
        "list_marks",
        "GET",
        "/api/runs/{run}/marks",
        "What stands out",
        list_marks,
        list[Mark],
        query=_MARKS,
    ),
    Operation(
        "show_span",
        "GET",
        "/api/runs/{run}/span",
        "A step from its beginning to its end",
        show_span,
        StepView,
        query=(Parameter("step", str, "", "its path"), _AT),
    ),
    Operation(
        "show_visits",
        "GET",
        "/api/runs/{run}/visits",
        "How often each part was reached",
        show_visits,
        VisitsView,
        query=(_AT,),
    ),
    Operation(
        "list_branches",
        "GET",
        "/api/runs/{run}/branches",
        "The tree of runs around it",
        list_branches,
        list[Branch],
    ),
    Operation(
        "search_run",
        "GET",
        "/api/runs/{run}/search",
        "Search inside of it",
        search_run,
        SearchPage,
        query=_SEARCH,
    ),
    Operation("list_notes", "GET", "/api/runs/{run}/notes", "Notes", list_notes, list[Note]),
    Operation(
        "add_note",
        "POST",
        "/api/runs/{run}/notes",
        "Write a note",
        add_note,
        list[Note],
        NoteInput,
        status=201,
    ),
    Operation(
        "remove_note",
        "DELETE",
        "/api/runs/{run}/notes/{note}",
        "Take a note back",
        remove_note,
        list[Note],
    ),
)
