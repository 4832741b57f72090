"""The source bundle of a run: the program's text and meaning and its tools' files, as one blob."""

from __future__ import annotations

import posixpath
from typing import Any

import msgspec
from msgspec import Struct

from neurectomy.agents.program import Program, from_data, to_data
from neurectomy.core import codecs
from neurectomy.core.errors import Damaged


class Bundle(Struct, frozen=True):
    """Everything that a run was made from.

    Attributes:
        path: Of the program, relative to the workspace.
        text: Of the program, as it was.
        program: The compiled program as data, so that a later compiler need not agree.
        files: Texts of the tools' Python files by their path beside the program.
    """

    path: str
    text: str
    program: dict[str, Any]
    files: dict[str, str] = {}
    version: int = 1

    @classmethod
    def of(cls, path: str, text: str, program: Program, files: dict[str, str]) -> Bundle:
        """The bundle of a program that was compiled without errors."""
        return cls(path, text, to_data(program), files)

    def texts(self) -> dict[str, str]:
        """Of the program and its tools' files, by their path in the program's folder."""
        files = {posixpath.normpath(path): text for path, text in self.files.items()}
        return {self.path.rpartition("/")[2]: self.text, **files}

    def content(self) -> bytes:
        """The blob; its digest is the program's identity in the run's row."""
        return codecs.canonical(self)

    def compiled(self) -> Program:
        """The program."""
        return from_data(self.program)


def read_bundle(content: bytes) -> Bundle:
    """The bundle of a blob.

    Raises:
        Damaged: The blob holds none.
    """
    try:
        return msgspec.json.decode(content, type=Bundle)
    except msgspec.MsgspecError as error:
        raise Damaged(
            f"the run's program cannot be read: {error}",
            hint="Upgrade with: pip install --upgrade neurectomy",
        ) from error
