"""A system-call filter for jails, assembled here: classic BPF as seccomp(2) takes it.

Refuses what a tool never needs and what has been a way out of sandboxes: tracing, mounting,
namespaces, modules, keys, BPF, io_uring, raw and packet sockets. Only the standard library, since
the landlock jail applies it from within.
"""

from __future__ import annotations

import platform
import struct

ALLOW, KILL, REFUSE, MISSING = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
"""Return values: allow; kill the process; EPERM; ENOSYS."""

_LOAD, _EQUAL, _AT_LEAST, _SET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NAMESPACE_FLAGS = 0x7E020080
"""Every CLONE_NEW flag of clone(2)."""

_REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "syslog": (103, 116),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "lookup_dcookie": (212, 18),
    "personality": (135, 92),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "memfd_secret": (447, 447),
    "fanotify_init": (300, 262),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "vhangup": (153, 58),
}
"""Numbers of the refused calls on x86-64 and on ARM."""

_CLONE, _CLONE3, _SOCKET = (56, 220), (435, 435), (41, 198)
_UNIX, _INET, _INET6 = 1, 2, 10


def program(*, network: bool) -> bytes | None:
    """The filter for this machine; null where its architecture is not known.

    Args:
        network: Whether IP sockets may be made; without it only local ones.
    """
    machine = platform.machine()
    if machine not in _MACHINES:
        return None
    column = 0 if machine == "x86_64" else 1
    code = [
        _do(_LOAD, _ARCHITECTURE),
        _jump(_EQUAL, _MACHINES[machine], 1, 0),
        _do(_RETURN, KILL),
        _do(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":  # the x32 interface has numbers of its own
        code += [_jump(_AT_LEAST, 0x40000000, 0, 1), _do(_RETURN, KILL)]
    for numbers in _REFUSED.values():
        code += [_jump(_EQUAL, numbers[column], 0, 1), _do(_RETURN, REFUSE)]
    code += [_jump(_EQUAL, _CLONE3[column], 0, 1), _do(_RETURN, MISSING)]
    code += [
        _jump(_EQUAL, _CLONE[column], 0, 3),
        _do(_LOAD, _FIRST_ARGUMENT),
        _jump(_SET, _NAMESPACE_FLAGS, 0, 1),
        _do(_RETURN, REFUSE),
        _do(_LOAD, _NUMBER),
    ]
    families = (_UNIX, _INET, _INET6) if network else (_UNIX,)
    tests = [_jump(_EQUAL, family, len(families) - i, 0) for i, family in enumerate(families)]
    code += [
        _jump(_EQUAL, _SOCKET[column], 0, len(tests) + 2),
        _do(_LOAD, _FIRST_ARGUMENT),
        *tests,
        _do(_RETURN, REFUSE),
    ]
    code.append(_do(_RETURN, ALLOW))
    return b"".join(code)


def _do(operation: int, operand: int) -> bytes:
    return struct.pack("<HBBI", operation, 0, 0, operand)


def _jump(operation: int, operand: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("<HBBI", operation, if_true, if_false, operand)
