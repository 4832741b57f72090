"""The port of storage: rows of the run log and its blobs, blocking calls made from threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from neurectomy.storage.scans import Scans
    from neurectomy.storage.upkeep import Upkeep

Durability = Literal["power", "process"]
"""What a commit survives: loss of power (the default), or only the end of the process."""

RunStatus = Literal[
    "running", "waiting", "cancelling", "failing", "finished", "failed", "cancelled"
]
ENDED: frozenset[str] = frozenset({"finished", "failed", "cancelled"})
"""The statuses after which a run appends nothing more."""


ELSEWHERE, DOCTOR = "elsewhere", "doctor"
"""Owners of a lease that never lived: of a run that was imported, and of one that was mended. It
goes on by a person's word only."""


class Ancestor(Struct, frozen=True, array_like=True):
    """A prefix of another run: its events up to ``until`` belong to the fork as well."""

    run: str
    until: int


class RunRow(Struct, frozen=True):
    """One run as the list shows it.

    Attributes:
        id: UUIDv7.
        flow: The flow's name.
        program: Digest of the source bundle, which is a blob.
        meaning: Digest of what the program does.
        source: The program's path in the workspace.
        title: What people see in lists, made from the inputs.
        status: As of the last commit.
        ancestry: The prefixes it continues, oldest first; empty unless forked. The last one's
            ``until`` is the fork point, and the run's own events begin after it.
        head: The ``seq`` of the last committed event; the fork point where there is none.
        link: The link of the chain at ``head``, 32 bytes.
        created_us: Wall time, microseconds since the epoch; ``ended_us`` likewise, null until then.
        accounts: Tokens, money and time so far, as in the state.
        labels: Free key-value pairs of the user.
        lease_epoch: Grows whenever a writer takes the run over.
        lease_owner: The writer's name; empty when nobody holds it.
        lease_until_us: When the lease ends unless renewed, wall microseconds.
        hidden: Deleted by the user, its events kept for the forks that continue them.
    """

    id: str
    flow: str
    program: str
    meaning: str
    source: str
    title: str
    status: RunStatus
    created_us: int
    ancestry: tuple[Ancestor, ...] = ()
    head: int = 0
    link: bytes = b""
    ended_us: int | None = None
    accounts: dict[str, Any] = {}
    labels: dict[str, str] = {}
    lease_epoch: int = 0
    lease_owner: str = ""
    lease_until_us: int = 0
    hidden: bool = False


class EventRow(Struct, frozen=True):
    """One event as stored.

    Attributes:
        header: JSON of kind, version, step, causes and times; never redacted.
        payload: JSON of data and patch; null once redacted.
        salt: 16 random bytes; null once redacted.
        payload_hash: SHA-256 of salt and payload, 32 bytes.
        link: SHA-256 of the previous link, the header and ``payload_hash``, 32 bytes.
    """

    seq: int
    kind: str
    step: str
    header: bytes
    payload: bytes | None
    salt: bytes | None
    payload_hash: bytes
    link: bytes


class RunUpdate(Struct, frozen=True):
    """What a batch changes in its run's row besides ``head`` and ``link``."""

    status: RunStatus
    accounts: dict[str, Any]
    ended_us: int | None = None


class Batch(Struct, frozen=True):
    """Everything that one writer adds to one run between two barriers.

    Attributes:
        run: The run's id.
        lease_epoch: The writer's; the batch is refused where the row's differs.
        after: The ``head`` that the row must have; the events continue it without a gap.
        events: In order; may be empty where only blobs or a keyframe come.
        keyframes: ``(seq, root)``: packed state after the event ``seq``.
        blobs: Content by SHA-256 in hexadecimal; made durable before the events that name them.
        update: Null where the row keeps its status and accounts.
    """

    run: str
    lease_epoch: int
    after: int
    events: tuple[EventRow, ...] = ()
    keyframes: tuple[tuple[int, bytes], ...] = ()
    blobs: Mapping[str, bytes] = {}
    update: RunUpdate | None = None


class Erasure(Struct, frozen=True):
    """What is erased from one run, and what stands in its place.

    Attributes:
        run: The run's id.
        head: That the row must have, and likewise ``lease_epoch``; ``link`` is the one at ``head``.
        event: That tells of it, after ``head``; null for a run that nobody sees.
        events: Of the run's own events those whose payload and salt go.
        keyframes: ``(seq, root)``: added, or in place of those that are there.
        blobs: Content by digest that keyframes name from now on.
        dropped: Digests that the run names no more.
        title: That the row has from now on, and likewise ``labels``.
    """

    run: str
    head: int
    link: bytes
    lease_epoch: int
    event: EventRow | None
    events: tuple[int, ...]
    keyframes: tuple[tuple[int, bytes], ...]
    blobs: Mapping[str, bytes]
    dropped: tuple[str, ...]
    title: str
    labels: Mapping[str, str]


class RunQuery(Struct, frozen=True):
    """Which runs to list, newest first.

    Attributes:
        before: Id of the last run of the previous page.
        status: Only these; all where empty.
        search: Text that title, flow, source or id holds, letter case aside.
        parent: Only direct forks of this run.
        limit: At most 1,000.
    """

    limit: int = 100
    before: str | None = None
    status: tuple[RunStatus, ...] = ()
    search: str = ""
    parent: str | None = None


class Usage(Struct, frozen=True):
    """Disk usage in bytes, and counts."""

    database_bytes: int
    blob_bytes: int
    runs: int
    events: int
    blobs: int


class RunUsage(Struct, frozen=True):
    """What one run holds: its own events and the blobs that it names (others may name them too)."""

    run: str
    events: int
    event_bytes: int
    blob_bytes: int


class Store(Protocol):
    """Blocking and thread-safe. Reads see every commit that has returned.

    Every method raises `StorageError` when the database or disk refuses (full disk, lost
    connection, damage), with a hint that says what to do.
    """

    upkeep: Upkeep
    """What keeps the store in order."""

    @property
    def name(self) -> str:
        """``sqlite`` or ``postgres``."""
        ...

    @property
    def scans(self) -> Scans:
        """Narrow reads of runs' own events."""
        ...

    def create_run(self, run: RunRow, blobs: Mapping[str, bytes]) -> None:
        """Insert the row with its lease and the blobs it names, durably.

        Raises:
            Conflict: The id is taken.
        """
        ...

    def fork_run(self, parent: str, at: int, run: RunRow) -> RunRow:
        """Insert a fork of ``parent`` after the event ``at``: one row, however long the parent is.

        Args:
            parent: Id of the run that it continues.
            at: The last event that both share.
            run: The fork; its ancestry, head and link are made here.

        Returns:
            The row, durable.

        Raises:
            NotFound: No such parent.
            InvalidInput: ``at`` is not an event of it.
            Conflict: The fork's id is taken.
        """
        ...

    def run(self, run: str) -> RunRow | None:
        """The row, hidden ones too."""
        ...

    def runs(self, query: RunQuery) -> list[RunRow]:
        """Rows, newest first, without hidden ones."""
        ...

    def label(self, run: str, labels: Mapping[str, str]) -> None:
        """Replace the labels of a run."""
        ...

    def acquire(self, run: str, owner: str, now_us: int, until_us: int, *, force: bool) -> RunRow:
        """Take the lease: the epoch grows by one. ``force`` takes it from a living owner too.

        Raises:
            NotFound: No such run.
            Conflict: Somebody else holds a lease that has not ended.
        """
        ...

    def renew(self, run: str, lease_epoch: int, until_us: int) -> None:
        """Extend the lease.

        Raises:
            StaleLease: Another writer has taken the run over.
        """
        ...

    def release(self, run: str, lease_epoch: int) -> None:
        """Give the lease back; nothing happens where it was already lost."""
        ...

    def commit(self, batches: Sequence[Batch]) -> list[Exception | None]:
        """Write batches of any number of runs in one transaction with one sync.

        Returns:
            One entry per batch: null, or `StaleLease` where its epoch or ``after`` does not match
            the row; the other batches are committed all the same.
        """
        ...

    def events(self, run: str, after: int, until: int, limit: int) -> list[EventRow]:
        """The run's own events with ``after < seq <= until``, in order, at most ``limit``."""
        ...

    def keyframe(self, run: str, until: int) -> tuple[int, bytes] | None:
        """The run's own newest keyframe at or before ``until``."""
        ...

    def payloads(self, run: str, after: int, until: int) -> list[bytes | None]:
        """Only the payloads of `events`, for folding fast."""
        ...

    def blob(self, digest: str) -> bytes | None:
        """The content, checked against its digest.

        Raises:
            Damaged: The content does not match.
        """
        ...

    def hold(self, run: str, digests: Sequence[str]) -> list[str]:
        """Name blobs that are there already, so that they and their parts stay; durable on return.

        Returns:
            Those that are not there, in the order given.

        Raises:
            NotFound: No such run.
        """
        ...

    def add_blobs(
        self, run: str, contents: Mapping[str, bytes], parts: Mapping[str, Sequence[str]]
    ) -> None:
        """Store blobs that a run names, before an event does; durable on return.

        Args:
            run: The run's id.
            contents: By digest.
            parts: For a blob that names others, their digests; they are there, or come with it,
                and stay for as long as it does.

        Raises:
            NotFound: No such run.
            Damaged: A part is not there.
        """
        ...

    def delete_run(self, run: str, now_us: int, *, force: bool) -> None:
        """Delete a run and the blobs that only it names.

        A run that forks continue is hidden instead, and its events after the last fork point go.
        ``force`` deletes it from under a living writer too.

        Raises:
            NotFound: No such run.
            Conflict: Somebody holds a lease that has not ended.
        """
        ...

    def relatives(self, run: str) -> list[RunRow]:
        """The run, the runs that it continues, and all that continue one of these; hidden ones too.

        Raises:
            NotFound: No such run.
        """
        ...

    def blobs_of(self, run: str) -> list[str]:
        """Digests of the blobs that a run names itself."""
        ...

    def erase(self, erasures: Sequence[Erasure]) -> list[str]:
        """Erase from several runs at once, durably, and take their leases; the chain still holds.

        Returns:
            Of the digests that were dropped those whose blobs stay, since others name them.

        Raises:
            Conflict: A run has changed since; nothing is erased.
        """
        ...

    def wipe(self) -> bool:
        """Take what was erased out of the database's files too; false where a reader is in the way.

        Takes time and space in proportion to the database.
        """
        ...

    def usage(self) -> Usage:
        """Of the whole store."""
        ...

    def run_usage(self, run: str) -> RunUsage:
        """Of one run."""
        ...

    def close(self) -> None:
        """Close every connection; further calls raise `StorageError`."""
        ...
