"""What tools do that a jail must hold: run only inside of one."""

import asyncio
import ctypes
import fcntl
import os
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
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


def tried(attempt, *arguments):
    """What an attempt gave, or the name of its error."""
    try:
        return attempt(*arguments)
    except OSError as error:
        return type(error).__name__


def reach(path):
    def attempt():
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(path)
        return "reached"

    return tried(attempt)


def send_from_pair(path):
    def attempt():
        one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        one.sendto(b"x", path)
        return "reached"

    return tried(attempt)


def touch_metadata(path):
    """Every way to change a file that needs no right to write to it."""
    libc = ctypes.CDLL(None, use_errno=True)
    name = path.encode()
    times = (0, 0)
    return {
        "chmod": tried(os.chmod, path, 0o777) is None,
        "chmod at": tried(lambda: os.chmod(path, 0o777, follow_symlinks=False)) is None,
        "fchmodat2": libc.syscall(452, -100, name, 0o777, 0) == 0,
        "chown": tried(os.chown, path, os.getuid(), os.getgid()) is None,
        "lchown": tried(os.lchown, path, os.getuid(), os.getgid()) is None,
        "setxattr": tried(os.setxattr, path, "user.x", b"x") is None,
        "utime": tried(os.utime, path, times) is None,
        "truncate": tried(os.truncate, path, 0) is None,
        "empty": isinstance(tried(os.open, path, os.O_RDONLY | os.O_TRUNC), int),
        "empty without access": isinstance(tried(os.open, path, 3 | os.O_TRUNC), int),
    }


def touch_descriptor(path):
    """The same by a descriptor of a file that may be read."""
    descriptor = os.open(path, os.O_RDONLY)
    return {
        "fchmod": tried(os.fchmod, descriptor, 0o777) is None,
        "fchown": tried(os.fchown, descriptor, os.getuid(), os.getgid()) is None,
        "futimens": tried(os.utime, descriptor, (0, 0)) is None,
        "fsetxattr": tried(os.setxattr, descriptor, "user.x", b"x") is None,
        "flags": tried(fcntl.ioctl, descriptor, 0x40086602, struct.pack("q", 0x80)) == "",
    }


def touch_process(pid):
    """Every way to bother a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    return {
        "signal": tried(os.kill, pid, 0) is None,
        "limit": tried(resource.prlimit, pid, resource.RLIMIT_CORE, (0, 0)) is None,
        "priority": libc.setpriority(0, pid, 19) == 0,
        "affinity": tried(os.sched_setaffinity, pid, {0}) is None,
        "memory": isinstance(tried(os.open, f"/proc/{pid}/mem", os.O_RDONLY), int),
    }


def shared_memory():
    return ctypes.CDLL(None).shmget(0x6E657572, 4096, 0o600)


def worker():
    """Ways from a call to the worker that all calls share."""
    pid = os.getppid()
    paths = [f"/proc/{pid}/fd/{name}" for name in range(64)]
    opened = [tried(os.open, path, os.O_WRONLY | os.O_NONBLOCK) for path in paths]
    return {
        "opened": [one for one in opened if isinstance(one, int)],
        "memory": isinstance(tried(os.open, f"/proc/{pid}/mem", os.O_RDWR), int),
        "environ": isinstance(tried(read_bytes, f"/proc/{pid}/environ"), bytes),
    }


def read_bytes(path):
    return Path(path).read_bytes()


def use_asyncio():
    async def main():
        process = await asyncio.create_subprocess_exec("/bin/echo", "hi", stdout=-1)
        said, _ = await process.communicate()
        return said.decode() + str(await asyncio.to_thread(len, "four"))

    return asyncio.run(main())


def use_subprocess():
    return subprocess.run(["/bin/echo", "hi"], capture_output=True, text=True, check=True).stdout


def use_files():
    Path("a").write_text("one")
    os.rename("a", "b")
    shutil.copyfile("b", "c")
    os.mkdir("folder")
    os.rename("c", "folder/c")
    os.link("b", "d")
    os.symlink("b", "e")
    with open("folder/c", "a") as file:
        file.write("!")
    os.truncate(os.open("d", os.O_RDWR), 2)
    Path("f").touch()
    with tempfile.TemporaryDirectory() as name, tempfile.NamedTemporaryFile("w") as file:
        file.write(name)
        inside = Path(name).parent == Path.cwd() == Path(file.name).parent
    found = sorted(os.listdir("."))
    text = Path("e").read_text() + Path("folder/c").read_text()
    os.unlink("b")
    shutil.rmtree("folder")
    return {"inside": inside, "found": found, "text": text, "left": sorted(os.listdir("."))}


def copy_with_mode():
    Path("a").write_text("one")
    return tried(shutil.copy, "a", "b")


def leave(name):
    """Leave a file for later calls wherever that is possible."""
    parent = Path.cwd().parent
    places = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/dev", "/", str(parent), f"{parent}/warm"]
    paths = [Path(place) / name for place in places]
    return [str(path) for path in paths if tried(path.write_text, "left") == 4]


def wait_with(name):
    Path(name).write_text("mine")
    time.sleep(1.5)
    return sorted(os.listdir("."))


def pry(name):
    """What a call can do with the folders of the others that run."""
    parent = Path.cwd().parent
    found = []
    for number in range(64):
        folder = parent / f"call-{number}"
        if folder == Path.cwd():
            continue
        if tried((folder / name).read_text) == "mine":
            found.append("read")
        if tried((folder / "planted").write_text, "x") == 1:
            found.append("written")
        if isinstance(tried(os.listdir, folder), list):
            found.append("listed")
    return found


def warm_file():
    return (Path(WARM) / "index").read_text()


WARM = os.getcwd()
Path("index").write_text("warm")
tempfile.gettempdir()


def spread():
    """Start processes that leave their group and start others, and wait."""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            os.fork()
            break
    time.sleep(100)
