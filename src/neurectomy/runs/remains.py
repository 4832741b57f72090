"""What a redaction leaves: programs and files that hold a text, named as people know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurectomy.core import codecs
from neurectomy.core.errors import Damaged
from neurectomy.snapshots.tree import EMPTY, changes
from neurectomy.storage.ancestry import segments
from neurectomy.timeline.event import from_row
from neurectomy.timeline.log import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neurectomy.storage.port import RunRow
    from neurectomy.timeline.log import Log

MOST_NAMED = 3
"""Paths, or runs, of one value that are named."""


def what_remains(
    log: Log,
    runs: list[RunRow],
    named: dict[str, list[str]],
    holds: Callable[[str], bool],
) -> list[tuple[str, frozenset[str]]]:
    """What still holds a text after a redaction. Blocking.

    Args:
        log: That the runs are in.
        runs: Those that the redaction cleans.
        named: Digests of the values that each run names itself, by its id.
        holds: Whether the value of a digest is left as it is and holds a text.

    Returns:
        A line for people of each value, with the ids of the runs that have it.
    """
    programs = {row.program: row.source for row in runs}
    having: dict[str, set[str]] = {}
    places: dict[str, dict[str, None]] = {}
    for row in runs:
        for digest in named[row.id]:
            having.setdefault(digest, set()).add(row.id)
        for digest, place in _files(log, row, programs):  # a run names the trees of most of them
            having.setdefault(digest, set()).add(row.id)
            places.setdefault(digest, {})[place] = None
    shown = {row.id for row in runs if not row.hidden}
    return [
        (
            f"{_told(digest, programs, list(places.get(digest, ())))}; "
            f"{_gone(sorted(having[digest] & shown))}",
            frozenset(having[digest]),
        )
        for digest in sorted(having)
        if holds(digest)
    ]


def _told(digest: str, programs: dict[str, str], places: list[str]) -> str:
    if digest in programs:
        return f"the program {programs[digest]}"
    if places:
        more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
        return f"{', '.join(places[:MOST_NAMED])}{more} (files of the run)"
    return f"the stored value {digest[:12]}"


def _gone(runs: list[str]) -> str:
    if not runs:
        return "gone only with the forks of the run"
    which = "the run" if len(runs) == 1 else "the runs"
    listed = " ".join(runs[:MOST_NAMED])
    more = f" and {len(runs) - MOST_NAMED} more" if len(runs) > MOST_NAMED else ""
    return f"gone only with {which}: neurectomy runs delete {listed}{more}"


def _files(log: Log, row: RunRow, programs: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Digests of files with their path and the event from which on the run has them."""
    before = codecs.digest(EMPTY)

    def read(digest: str) -> bytes:
        content = EMPTY if digest == codecs.digest(EMPTY) else log.store.blob(digest)
        if content is None:
            raise Damaged(f"the blob {digest[:12]} is missing", hint="Restore it from a backup.")
        return content

    try:
        for seq, root in _roots(log, row, programs):
            for change in changes(before, root, read):
                if change.after is not None:
                    place = change.path if seq == 1 else f"{change.path} of event {seq}"
                    yield change.after.digest, place
            before = root
    except Damaged:
        return  # its files are told of without their names


def _roots(log: Log, row: RunRow, programs: dict[str, str]) -> Iterator[tuple[int, str]]:
    """The trees of a run's files, each with the event from which on they are its files."""
    for owner, first, until in segments(row):
        after = first
        while after < until:
            page = log.store.events(owner, after, until, PAGE)
            if not page:
                break
            for stored in page:
                if stored.payload is None or b'"files"' not in stored.payload:
                    continue
                data: dict[str, Any] = from_row(stored).data or {}
                made = data.get("changes") or {}
                if "program" in made:
                    programs.setdefault(made["program"], row.source)
                files = data.get("files") or made.get("files") or {}
                if "root" in files:
                    yield stored.seq, files["root"]
            after = page[-1].seq
    last = log.state(row.id, row.head).get("files") if row.head else None
    if last:  # the event that had it may be erased
        yield row.head, last["root"]
