"""Confines this process with landlock and a system-call filter, then becomes another program.

Run as a script: ``confine.py SETTINGS COMMAND...``, with JSON of ``read`` and ``write``, lists of
folders. For machines without bubblewrap. Only the standard library. See landlock(7).
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read a file, read a folder
_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # what applies to files
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2


def confine(read: list[str], write: list[str]) -> None:
    """Leave this process the rights to read some folders and to write some.

    Raises:
        OSError: The kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    abi = _check(libc.syscall(CREATE_RULESET, None, 0, 1))
    handled = (1 << 13) - 1
    for version, bit in ((2, 13), (3, 14), (5, 15)):
        handled |= 1 << bit if abi >= version else 0
    attribute = struct.pack("QQQ", handled, 3 if abi >= 4 else 0, 3 if abi >= 6 else 0)
    size = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = _check(libc.syscall(CREATE_RULESET, attribute, size, 0))
    for folders, rights in ((read, _READ), (write, handled)):
        for folder in folders:
            if not os.path.exists(folder):
                continue
            rights_here = rights & handled & (-1 if os.path.isdir(folder) else _FILE)
            descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
            rule = struct.pack("=Qi", rights_here, descriptor)
            _check(libc.syscall(ADD_RULE, ruleset, 1, rule, 0))
            os.close(descriptor)
    _check(libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(libc.syscall(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def filter_calls(code: bytes) -> None:
    """Apply a system-call filter."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer))
    _check(libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(libc.prctl(_SET_SECCOMP, _FILTER, program, 0, 0))


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def main() -> None:
    """Confine, then execute the command."""
    settings = json.loads(sys.argv[1])
    confine(settings["read"], settings["write"])
    filter_calls(bytes.fromhex(settings["filter"]))
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
