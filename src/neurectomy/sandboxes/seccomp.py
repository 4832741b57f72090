"""A system-call filter for jails, assembled here: classic BPF as seccomp(2) takes it.

Refuses what a tool never needs and what has been a way out of sandboxes: tracing, mounting,
namespaces, modules, keys, BPF, io_uring, raw and packet sockets. In a jail without namespaces also
what reaches files, processes and memory of others, which landlock does not look at.
"""

from __future__ import annotations

import platform
import struct

ALLOW, KILL, REFUSE, MISSING = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
"""Return values: allow; kill the process; EPERM; ENOSYS."""

_LOAD, _EQUAL, _AT_LEAST, _SET, _RETURN, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_NUMBER, _ARCHITECTURE = 0, 4
_FIRST, _SECOND, _THIRD = 16, 24, 32
"""Where the lower halves of the arguments lie."""

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
"""Numbers of the refused calls on x86-64 and on ARM; -1 where a processor has no such call."""

_REFUSED_BESIDE_OTHERS = {
    # a file's metadata, and its length by its path
    "chmod": (90, -1),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, -1),
    "fchown": (93, 55),
    "lchown": (94, -1),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "utime": (132, -1),
    "utimes": (235, -1),
    "futimesat": (261, -1),
    "utimensat": (280, 88),
    "truncate": (76, 45),
    # what a pair of sockets could still reach
    "connect": (42, 203),
    "bind": (49, 200),
    # memory and queues of this user's other processes
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # how they are run
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    "sched_setaffinity": (203, 122),
}

_CLONE, _CLONE3, _SOCKET = (56, 220), (435, 435), (41, 198)
_SOCKETPAIR, _PRLIMIT = (53, 199), (302, 261)
_OPEN, _OPENAT, _OPENAT2 = (2, -1), (257, 56), (437, 437)
_IOCTL = (16, 29)
_FILE_COMMANDS = (0x40086602, 0x40046602, 0x401C5820, 0x40806685)
"""FS_IOC_SETFLAGS for both widths, FS_IOC_FSSETXATTR and FS_IOC_ENABLE_VERITY; see ioctl_fs(2)."""

_UNIX, _INET, _INET6 = 1, 2, 10
_STREAM, _TYPE = 1, 0xF
_TRUNCATE, _ACCESS = 0o1000, 3


def program(*, network: bool, namespaces: bool = True) -> bytes | None:
    """The filter for this machine; null where its architecture is not known.

    Args:
        network: Whether IP sockets may be made; without it only local ones.
        namespaces: Whether the jail has files, processes and IPC of its own. Without them no
            socket may be made but a connected pair, and no call that reaches others.
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
    refused = _REFUSED if namespaces else _REFUSED | _REFUSED_BESIDE_OTHERS
    for numbers in refused.values():
        if numbers[column] >= 0:
            code += [_jump(_EQUAL, numbers[column], 0, 1), _do(_RETURN, REFUSE)]
    code += [_jump(_EQUAL, _CLONE3[column], 0, 1), _do(_RETURN, MISSING)]
    code += [
        _jump(_EQUAL, _CLONE[column], 0, 3),
        _do(_LOAD, _FIRST),
        _jump(_SET, _NAMESPACE_FLAGS, 0, 1),
        _do(_RETURN, REFUSE),
        _do(_LOAD, _NUMBER),
    ]
    if not namespaces:
        code += _beside_others(column)
    families = [_UNIX] if namespaces else []
    families += [_INET, _INET6] if network else []
    tests = [_jump(_EQUAL, family, len(families) - i, 0) for i, family in enumerate(families)]
    code += [
        _jump(_EQUAL, _SOCKET[column], 0, len(tests) + 2),
        _do(_LOAD, _FIRST),
        *tests,
        _do(_RETURN, REFUSE),
    ]
    code.append(_do(_RETURN, ALLOW))
    return b"".join(code)


def _beside_others(column: int) -> list[bytes]:
    """What depends on arguments where a jail lies beside other processes of its user."""
    code = [
        # A pair of streams stays connected to itself; one of datagrams can be sent elsewhere.
        *[_jump(_EQUAL, _SOCKETPAIR[column], 0, 7), _do(_LOAD, _FIRST), _jump(_EQUAL, _UNIX, 0, 4)],
        *[_do(_LOAD, _SECOND), _do(_AND, _TYPE), _jump(_EQUAL, _STREAM, 0, 1)],
        *[_do(_RETURN, ALLOW), _do(_RETURN, REFUSE)],
        # A limit set on another process can kill it.
        *[_jump(_EQUAL, _PRLIMIT[column], 0, 4), _do(_LOAD, _FIRST), _jump(_EQUAL, 0, 1, 0)],
        *[_do(_RETURN, REFUSE), _do(_LOAD, _NUMBER)],
        *[_jump(_EQUAL, _OPENAT2[column], 0, 1), _do(_RETURN, MISSING)],
    ]
    # These change a file that is opened for reading.
    code += [_jump(_EQUAL, _IOCTL[column], 0, 2 * len(_FILE_COMMANDS) + 2), _do(_LOAD, _SECOND)]
    for command in _FILE_COMMANDS:
        code += [_jump(_EQUAL, command, 0, 1), _do(_RETURN, REFUSE)]
    code.append(_do(_LOAD, _NUMBER))
    # Landlock before its third version lets a file be emptied that is opened for reading.
    for numbers, flags in ((_OPEN, _SECOND), (_OPENAT, _THIRD)):
        if numbers[column] >= 0:
            code += [
                _jump(_EQUAL, numbers[column], 0, 6),
                _do(_LOAD, flags),
                _do(_AND, _TRUNCATE | _ACCESS),
                _jump(_EQUAL, _TRUNCATE, 1, 0),
                _jump(_EQUAL, _TRUNCATE | _ACCESS, 0, 1),
                _do(_RETURN, REFUSE),
                _do(_LOAD, _NUMBER),
            ]
    return code


def _do(operation: int, operand: int) -> bytes:
    return struct.pack("<HBBI", operation, 0, 0, operand)


def _jump(operation: int, operand: int, if_true: int, if_false: int) -> bytes:
    return struct.pack("<HBBI", operation, if_true, if_false, operand)
