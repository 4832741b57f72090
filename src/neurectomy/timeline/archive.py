"""The file that carries runs from one workspace to another: a zip that says what it holds, first.

``docs/reference/nrun.md`` describes it. Nothing in a file is trusted: every size is bounded before
anything is read, and what is read is checked by `neurectomy.timeline.importing`.
"""

from __future__ import annotations

import hashlib
import struct
import zipfile
import zlib
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from neurectomy.core.errors import InvalidInput, StorageError
from neurectomy.storage.port import Ancestor, RunStatus
from neurectomy.timeline import bounds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

FORMAT = "neurectomy.runs"
VERSION = 1
SUFFIX = ".nrun"

MANIFEST = "manifest.json"
MOST_MANIFEST = 16_000_000
"""Bytes of the manifest."""
MOST_RUNS = 10_000
MOST_MEMBERS = 2_000_000
MOST_DIRECTORY = 256_000_000
"""Bytes of the zip's directory."""
MOST_EVENT = 8_000_000
"""Bytes of an event's line; its large values are blobs."""
MOST_KEYFRAME = 32_000_000
"""Bytes of a keyframe's line."""
MOST_BLOB = 512_000_000
"""Bytes of a blob."""
PLENTY = 1_000_000_000
"""Bytes that a file may become, however small it is; a larger one `MOST_RATIO` times its size."""
MOST_RATIO = 100

_SEAL = b"sha256:"
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_DATE = (1980, 1, 1, 0, 0, 0)

Hex32 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Text = Annotated[str, Meta(max_length=100_000, pattern="^[^\\x00]*$")]
Id = Annotated[str, Meta(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class ArchivedRun(Struct, frozen=True, forbid_unknown_fields=True):
    """A run of a file, as its row says it; see `neurectomy.storage.port.RunRow`.

    Attributes:
        whole: Whether it is a run of its own here; else only the prefix that others continue.
        link: Of the chain at ``head``, in hexadecimal.
        keyframes: How many there are.
    """

    id: Id
    whole: bool
    flow: Text
    program: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]
    meaning: Text
    source: Text
    title: Text
    status: RunStatus
    created_us: Count
    ended_us: Count | None
    ancestry: tuple[Ancestor, ...]
    head: Annotated[int, Meta(ge=1, le=2**53)]
    link: Hex32
    accounts: dict[Text, int | float]
    labels: dict[Text, Text]
    keyframes: Count


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a file holds; runs stand after those that they continue.

    Attributes:
        blobs: How many there are, and ``blob_bytes`` their bytes.
    """

    format: Literal["neurectomy.runs"]
    version: Literal[1]
    runs: Annotated[tuple[ArchivedRun, ...], Meta(min_length=1, max_length=MOST_RUNS)]
    blobs: Count
    blob_bytes: Count


class ArchivedEvent(Struct, frozen=True, forbid_unknown_fields=True):
    """An event of a file: its header and payload byte by byte as they were hashed.

    Attributes:
        payload: Null where it was redacted, and so is ``salt``.
        hash: Of salt and payload; it and ``link`` in hexadecimal.
    """

    header: Raw
    payload: Raw
    salt: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")] | None
    hash: Hex32
    link: Hex32


class ArchivedKeyframe(Struct, frozen=True, forbid_unknown_fields=True):
    """The state after an event, as it was stored."""

    seq: Count
    state: Raw


class _Version(Struct):
    format: str
    version: int


def events_member(run: str) -> str:
    """Where a run's own events are, one a line."""
    return f"runs/{run}/events.jsonl"


def keyframes_member(run: str) -> str:
    """Where its own keyframes are, one a line."""
    return f"runs/{run}/keyframes.jsonl"


def blob_member(digest: str) -> str:
    """Where the content of a digest is."""
    return f"blobs/{digest[:2]}/{digest[2:]}"


class ArchiveWriter:
    """Writes a file; the same members give the same bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._zip = zipfile.ZipFile(file, "w", allowZip64=True)

    def add(self, name: str, pieces: Iterable[bytes], *, packed: bool = True) -> None:
        """Add a member; ``packed`` where it is worth to be deflated."""
        info = zipfile.ZipInfo(name, _DATE)
        info.create_system = 3
        info.external_attr = 0o100644 << 16
        info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        with self._zip.open(info, "w", force_zip64=True) as member:
            for piece in pieces:
                member.write(piece)

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(self, *failed: object) -> None:
        with suppress(OSError, ValueError):  # of a file that failed, nothing is of use
            self._zip.close()

    def seal(self) -> None:
        """Write the directory, and the hash of everything before it."""
        self._zip.comment = _SEAL + b"0" * 64
        self._zip.close()
        seal = _hash(self._file)
        self._file.seek(-64, 2)
        self._file.write(seal.encode())
        self._file.flush()


class ArchiveReader:
    """Reads a file that may be damaged or hostile.

    Raises:
        InvalidInput: It is no such file, is damaged, of a later version, or larger than it may be.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb")
        except OSError as error:
            message = f"{path.name} cannot be read: {error.strerror}"
            raise InvalidInput(message, hint="Name a file that `runs export` wrote.") from None
        try:
            self._check_seal()
            with refusing():
                self._zip = zipfile.ZipFile(self._file)
                self._check_members()
                self.manifest = self._manifest()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def names(self) -> set[str]:
        """Every member."""
        return set(self._zip.namelist())

    def lines(self, name: str, most: int, structure: int) -> Iterator[bytes]:
        """The lines of a member, each without its end.

        Args:
            name: Of the member.
            most: Bytes of a line.
            structure: The most lists, objects and further items of one; see `bounds`.
        """
        with refusing(), self._zip.open(name) as member:
            while line := member.readline(most + 1):
                if not line.endswith(b"\n"):
                    raise refused(f"a line of {name} is too long or broke off")
                if not bounds.is_bounded(line, structure):
                    raise refused(f"a line of {name} has more than {structure} items")
                yield line[:-1]

    def read(self, name: str) -> bytes:
        """The whole of a member."""
        with refusing():
            info = self._zip.getinfo(name)
            if info.file_size > MOST_BLOB:
                raise refused(f"{name} is larger than {MOST_BLOB // 1_000_000} MB")
            with self._zip.open(info) as member:
                content = member.read(info.file_size + 1)
        if len(content) != info.file_size:
            raise refused(f"{name} is not of the size that it says")
        return content

    def value(self, name: str) -> bytes:
        """The whole of a member that is JSON to be decoded."""
        content = self.read(name)
        if not bounds.is_bounded(content, bounds.MOST_OF_VALUE):
            raise refused(f"{name} has more than {bounds.MOST_OF_VALUE} items")
        return content

    def size(self, name: str) -> int:
        """Bytes that a member says it has."""
        return self._zip.getinfo(name).file_size

    def _check_seal(self) -> None:
        with refusing():
            length = self._file.seek(0, 2)
            tail = _END.size + len(_SEAL) + 64
            if length < tail:
                raise refused("it is too short to be one")
            self._file.seek(length - tail)
            end, seal = self._file.read(_END.size), self._file.read()
            mark, _, _, _, count, size, _, comment = _END.unpack(end)
            if mark != b"PK\5\6" or comment != len(seal) or not seal.startswith(_SEAL):
                raise refused("it does not end as one")
            if size == 0xFFFFFFFF or count == 0xFFFF:
                self._file.seek(max(0, length - tail - 20 - _END_64.size))
                found = _END_64.unpack(self._file.read(_END_64.size))
                count, size = found[7], found[8]
            if count > MOST_MEMBERS or size > MOST_DIRECTORY:
                raise refused(f"it has more than {MOST_MEMBERS} members")
            if _hash(self._file) != seal[len(_SEAL) :].decode("ascii", "replace"):
                raise refused("it was changed or damaged since it was written")
        self._length = length

    def _check_members(self) -> None:
        infos = self._zip.infolist()
        names = {info.filename for info in infos}
        if len(names) != len(infos):
            raise refused("two members have the same name")
        if infos and infos[0].filename != MANIFEST:
            raise refused(f"it does not begin with {MANIFEST}")
        place = 0
        for info in infos:
            if info.flag_bits & 1 or info.compress_type not in (0, zipfile.ZIP_DEFLATED):
                raise refused(f"{info.filename[:80]!r} is stored in a way that is not used here")
            if info.header_offset < place:
                raise refused("its members overlap")
            place = info.header_offset + 30 + len(info.filename) + info.compress_size
        if place > self._length:
            raise refused("its members do not fit into it")
        total = sum(info.file_size for info in infos)
        if total > max(PLENTY, MOST_RATIO * self._length):
            raise refused(f"it says that it becomes {total // 1_000_000} MB")

    def _manifest(self) -> Manifest:
        if self._zip.getinfo(MANIFEST).file_size > MOST_MANIFEST:
            raise refused("its manifest is too large")
        content = self.value(MANIFEST)
        found = msgspec.json.decode(content, type=_Version)
        if found.format == FORMAT and found.version > VERSION:
            raise InvalidInput(
                f"the file has version {found.version}, and this program knows up to {VERSION}",
                hint="Upgrade with: pip install --upgrade neurectomy",
            )
        return msgspec.json.decode(content, type=Manifest)


def refused(reason: str) -> InvalidInput:
    """The error of a file that is not taken in."""
    return InvalidInput(
        f"the file is not imported: {reason}",
        hint="Nothing was changed. Get the file again from where it was exported.",
    )


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what a wrong file makes its readers raise into a refusal."""
    try:
        yield
    except MemoryError:
        raise refused("it needs more memory than there is") from None
    except OSError as error:
        message = f"the file cannot be read: {error.strerror or error}"
        raise StorageError(message, hint="Look at the disk that it is on.") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        NotImplementedError,
        RuntimeError,
        OverflowError,
    ) as error:
        raise refused(str(error)[:200] or type(error).__name__) from error


def _hash(file: IO[bytes]) -> str:
    """SHA-256 of a file but its last 64 bytes, which are that."""
    left = file.seek(0, 2) - 64
    file.seek(0)
    found = hashlib.sha256()
    while left > 0 and (piece := file.read(min(left, 1 << 20))):
        found.update(piece)
        left -= len(piece)
    return found.hexdigest()
