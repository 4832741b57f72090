"""Confines this process with landlock and a system-call filter, then becomes another program.

Run as a script: ``confine.py SETTINGS COMMAND...``, with JSON of ``read`` and ``write``, lists of
folders, and ``filter``, the filter in hexadecimal. For machines without bubblewrap. The worker
confines each call to a folder of its own in the same way. See landlock(7) and seccomp(2).
"""

from __future__ import annotations

import ctypes
import functools
import json
import os
import struct
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
READ = 1 << 0 | 1 << 2 | 1 << 3
"""Rights: execute, read a file, read a folder."""

ALL = (1 << 16) - 1
"""Every right that this module knows; those that the kernel does not know are left out."""

_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # what applies to files
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_CAPABILITIES, _DAC_READ_SEARCH = 0x20080522, 1 << 2


@functools.cache
def version() -> int:
    """The version of landlock's interface; 0 where the kernel has none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(libc().syscall(CREATE_RULESET, None, 0, 1)))


def opened(folders: list[str], rights: int) -> list[bytes]:
    """Rules that give rights on folders and all below them; those that are not there are left out.

    The descriptors stay open, so that a rule can be used again.
    """
    rules = []
    for folder in folders:
        try:
            descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        mask = rights & _handled()
        if not os.path.isdir(folder):
            mask &= _FILE
        rules.append(struct.pack("=Qi", mask, descriptor))
    return rules


def close(rules: list[bytes]) -> None:
    """Close the descriptors of rules that are not used again."""
    for rule in rules:
        os.close(struct.unpack("=Qi", rule)[1])


def ruleset(rules: list[bytes]) -> int:
    """A descriptor of the rights of the rules, no TCP, and no signals but to its own children.

    Raises:
        OSError: The kernel refuses.
    """
    abi = version()
    attribute = struct.pack("QQQ", _handled(), 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    descriptor = _check(libc().syscall(CREATE_RULESET, attribute, size, 0))
    for rule in rules:
        _check(libc().syscall(ADD_RULE, descriptor, 1, rule, 0))
    return descriptor


def restrict(descriptor: int) -> None:
    """Leave this process the rights of a ruleset, which is closed.

    Raises:
        OSError: The kernel refuses.
    """
    _check(libc().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(libc().syscall(RESTRICT_SELF, descriptor, 0))
    os.close(descriptor)


def filter_calls(code: bytes) -> None:
    """Apply a system-call filter."""
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    _check(libc().prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(libc().prctl(_SET_SECCOMP, _FILTER, program, 0, 0))


def drop_capabilities() -> None:
    """Leave a process of root the right to read what its rules let it, and no other; capset(2).

    It must not gain them again when it becomes another program: call it after `restrict`.
    """
    kept = _DAC_READ_SEARCH if os.geteuid() == 0 else 0
    header = struct.pack("Ii", _CAPABILITIES, 0)
    _check(libc().capset(header, struct.pack("6I", kept, kept, 0, 0, 0, 0)))


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library; loading it takes longer than a call to it."""
    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def _handled() -> int:
    """The rights that the kernel's version knows; a right that is not handled is not refused."""
    handled = (1 << 13) - 1
    for first, bit in ((2, 13), (3, 14), (5, 15)):
        handled |= 1 << bit if version() >= first else 0
    return handled


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def main() -> None:
    """Confine, then execute the command."""
    settings = json.loads(sys.argv[1])
    restrict(ruleset(opened(settings["read"], READ) + opened(settings["write"], ALL)))
    drop_capabilities()
    filter_calls(bytes.fromhex(settings["filter"]))
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
