"""What tools do that a jail must hold: run only inside of one."""

import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Point:
    x: int
    y: int


def point(x, y):
    return Point(x, y)


def loud():
    for _ in range(100):
        print("x" * 1_000_000)
    return 1


def hang():
    time.sleep(100)


def spin():
    while True:
        pass


def bomb():
    while True:
        os.fork()


def memory():
    return len(b"x" * (3 << 30))


def raises():
    raise ValueError("no such luck")


def leaves():
    os._exit(3)


def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


def kill_worker():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(10)


def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    return os.getpid()


def processes():
    return [name for name in os.listdir("/proc") if name.isdigit()]


def connect():
    try:
        socket.create_connection(("127.0.0.1", 80), 1)
    except ConnectionRefusedError:
        return "reached"
    except OSError as error:
        return type(error).__name__
    return "reached"


def large():
    return "x" * 20_000_000


def write(path):
    try:
        Path(path).write_text("x")
    except OSError as error:
        return type(error).__name__
    return "written"


def read(path):
    try:
        return Path(path).read_text()
    except OSError as error:
        return type(error).__name__


def large_file():
    Path("file").write_bytes(b"x" * (100 << 20))


def environment():
    return dict(os.environ)


def child():
    return subprocess.check_output(["echo", "hello"], text=True)


def namespace():
    import ctypes

    return ctypes.CDLL(None).unshare(0x10000000)


def nonsense():
    return object()


def not_a_number():
    return float("nan")


def speak():
    print("said")
    print("wrong", file=sys.stderr)
    return "done"


def pipes():
    """The descriptors of pipes that this process may write to, but for its output."""
    found = []
    for descriptor in range(3, 256):
        try:
            is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
            writable = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        except OSError:
            continue
        if is_pipe and writable:
            found.append(descriptor)
    return found


def answer(text):
    """Write to the descriptor of the result in place of the worker's code."""
    for descriptor in pipes():
        os.write(descriptor, text.encode())
    os._exit(0)


def inherited():
    """How many pipes lead elsewhere: one is the result's own."""
    return len(pipes())


def readable_pipes():
    found = 0
    for descriptor in range(3, 256):
        try:
            is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
            flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        except OSError:
            continue
        found += is_pipe and flags & os.O_ACCMODE == os.O_RDONLY
    return found


def names():
    with open(b"caf\xe9", "w"):
        pass
    return {name: name for name in os.listdir(".")}


def close_all():
    os.closerange(0, 256)
    return "closed"


def write_to_output():
    os.write(1, b'\x00\x00\x00\x10{"id": 1}\xff\n')
    return "written"


def replace_streams():
    sys.stdout = sys.stderr = None
    return "replaced"


def outlive():
    """Leave a process behind that keeps the pipes of this call open."""
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(100)
        os._exit(0)
    return "left"


def circular():
    value = []
    value.append(value)
    return value


def some_bytes():
    return b"x"


def generator():
    yield 1


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def power(exponent, add=0):
    return 2**exponent + add


def infinite():
    return [float("inf")]


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def unspeakable():
    raise Unspeakable


def raise_large(size):
    raise ValueError("x" * size)


def leave_with_object():
    class Code:
        def __repr__(self):
            raise RuntimeError("no")

    sys.exit(Code())
