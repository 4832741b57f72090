"""What tools do that a jail must hold: run only inside of one."""

import os
import signal
import socket
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
