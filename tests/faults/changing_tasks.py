"""Tasks that change their process, and tasks that look at theirs."""

from __future__ import annotations

import decimal
import gc
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from alexflow import BinaryOutput, Output, Task
from alexflow.formats import BytesOutput


@dataclass(frozen=True)
class Changes(Task):
    """Does something to its process, and stores its process id."""

    way: str
    n: int = 0

    def output(self) -> Output[int]:
        return self.build_output(BinaryOutput[int], key="pid")

    def run(self, input: None, output: Output[int]) -> None:
        output.store(os.getpid())
        WAYS[self.way]()


@dataclass(frozen=True)
class Works(Task):
    """Takes some of the processor's time and stores its priority and user; or does something to its process, and fails.

    One class, so that those that come first have tasks of both kinds taken for short ones, which travel together.
    """

    n: int
    seconds: float = 0.0
    way: str = ""
    fails: bool = True

    def output(self) -> Output[tuple[int, ...]]:
        return self.build_output(BinaryOutput[tuple[int, ...]], key="found")

    def run(self, input: None, output: Output[tuple[int, ...]]) -> None:
        if self.way:
            WAYS[self.way]()
            if self.fails:
                raise ValueError(self.way)
        end = time.process_time() + self.seconds
        while time.process_time() < end:
            pass
        limits = resource.getrlimit(resource.RLIMIT_NOFILE) + resource.getrlimit(resource.RLIMIT_CORE)
        output.store((os.getpriority(os.PRIO_PROCESS, 0), os.geteuid(), os.getegid(), *limits))


@dataclass(frozen=True)
class Kilobyte(Task):
    n: int

    def output(self) -> Output[bytes]:
        return self.build_output(BytesOutput, key="bytes")

    def run(self, input: None, output: Output[bytes]) -> None:
        output.store(b"%4d" % self.n * 256)


@dataclass(frozen=True)
class Looks(Task):
    """Stores what it finds in its process."""

    n: int

    def output(self) -> Output[dict[str, Any]]:
        return self.build_output(BinaryOutput[dict[str, Any]], key="state")

    def run(self, input: None, output: Output[dict[str, Any]]) -> None:
        output.store(state())


@dataclass(frozen=True)
class Prints(Task):
    """Prints, in several ways, while it writes its output piece by piece."""

    n: int

    def output(self) -> Output[bytes]:
        return self.build_output(BytesOutput, key="pieces")

    def run(self, input: None, output: Output[bytes]) -> None:
        assert sys.stdin.read() == ""
        with output.open("wb") as stream:
            for piece in range(4):
                stream.write(b"%d" % piece * 1000)
                print(f"print {piece} of {self.n}", flush=True)
                print(f"error {piece} of {self.n}", file=sys.stderr, flush=True)
        os.write(1, b"raw\n")
        subprocess.run(["echo", "child"], check=True)


#: What :class:`Prints` stores and prints.
PIECES = b"".join(b"%d" % piece * 1000 for piece in range(4))


def printed_by(n: int) -> tuple[str, str]:
    lines = [f"print {piece} of {n}\n" for piece in range(4)]
    return "".join(lines) + "raw\nchild\n", "".join(lines).replace("print", "error")


def state() -> dict[str, Any]:
    """Return the settings that a task finds in its process."""
    umask = os.umask(0o77)
    os.umask(umask)
    numbers = set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP}
    return {
        "directory": os.getcwd(),
        "environment": dict(os.environ),
        "child's environment": subprocess.run(["env"], check=True, capture_output=True, text=True).stdout.count(
            "LEAKED"
        ),
        "umask": umask,
        "handlers": {int(number): str(signal.getsignal(number)) for number in numbers if number < 32},
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "timers": [signal.getitimer(timer)[0] > 0 for timer in range(3)],
        "limits": [resource.getrlimit(number) for number in range(resource.RLIM_NLIMITS)]
        if hasattr(resource, "RLIM_NLIMITS")
        else [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
        "priority": os.getpriority(os.PRIO_PROCESS, 0),
        "user": (os.geteuid(), os.getegid()),
        "recursion limit": sys.getrecursionlimit(),
        "socket timeout": socket.getdefaulttimeout(),
        "collects": gc.isenabled(),
        "precision": decimal.getcontext().prec,
        "trace": (sys.gettrace() is None, sys.getprofile() is None),
        "descriptors": [(os.fstat(fd).st_dev, os.fstat(fd).st_ino) for fd in range(3)],
        "blocks": [os.get_blocking(fd) for fd in (1, 2)],
    }


def _from_c(function: str, *arguments: Any) -> None:
    """As an extension module does it, which calls nothing of Python's."""
    import ctypes

    getattr(ctypes.CDLL(None), function)(*arguments)


def _pipe_at_1() -> None:
    open(1, "w").close()  # not by a function of the os module
    assert os.pipe()[0] == 1


def _set_limit(name: str, soft: int) -> None:
    number = getattr(resource, name)
    resource.setrlimit(number, (soft, resource.getrlimit(number)[1]))


def _recipe_for_utf8() -> None:
    sys.stdout = open(sys.stdout.fileno(), "w", encoding="utf8", buffering=1)  # noqa: SIM115  # as it is written


def _tee() -> None:
    tee = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert tee.stdin is not None
    os.dup2(tee.stdin.fileno(), sys.stdout.fileno())
    os.dup2(tee.stdin.fileno(), sys.stderr.fileno())
    tee.stdin.close()


def _with_file(number: int, flags: int = os.O_WRONLY | os.O_CREAT) -> None:
    fd = os.open("/tmp", os.O_RDWR | os.O_TMPFILE) if flags & os.O_WRONLY else os.open("/etc/hostname", flags)
    os.dup2(fd, number)
    os.close(fd)


def _pipes(but: int) -> list[int]:
    """All descriptors of pipes above 2."""
    found = []
    for fd in range(3, 256):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:"):
                found.append(fd)
        except OSError:
            continue
    return found


def _close_pipes() -> None:
    for fd in _pipes(3):
        try:
            os.fstat(fd)
        except OSError:
            continue
        if os.get_blocking(fd) and _is_for_writing(fd):
            os.close(fd)


def _replace_pipes() -> None:
    """A file is what the worker takes for its pipe from now on."""
    file = os.open("/tmp", os.O_RDWR | os.O_TMPFILE)
    for fd in _pipes(3):
        if _is_for_writing(fd):
            os.dup2(file, fd)
    os.close(file)


def _is_for_writing(fd: int) -> bool:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY


def _wrap_stdout() -> None:
    import codecs
    import io

    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="latin-1")
    sys.stderr = codecs.getwriter("utf-8")(sys.stderr.detach())  # type: ignore[assignment]


def _circle() -> None:
    """A stream that Python closes when it looks for circles, some time later."""
    stream: Any = open(1, "w")  # noqa: SIM115  # so is this
    stream.itself = sys.stdout = stream


#: Ways to change standard streams.
STREAMS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "close 0": lambda: os.close(0),
    "close 1": lambda: os.close(1),
    "close 2": lambda: os.close(2),
    "close all": lambda: os.closerange(0, 3),
    "close sys.stdin": lambda: sys.stdin.close(),
    "close sys.stdout": lambda: sys.stdout.close(),
    "close sys.stderr": lambda: sys.stderr.close(),
    "detach sys.stdout": lambda: sys.stdout.detach(),
    "replace sys.stdout": _recipe_for_utf8,
    "wrap sys.stdout": _wrap_stdout,
    "no sys.stdout": lambda: setattr(sys, "stdout", None),
    "delete sys.stdout": lambda: delattr(sys, "stdout"),
    "reconfigure the encoding": lambda: sys.stdout.reconfigure(encoding="utf-16"),  # type: ignore[union-attr]
    "reconfigure the newline": lambda: sys.stderr.reconfigure(newline="\r\n"),  # type: ignore[union-attr]
    "set write": lambda: setattr(sys.stdout, "write", None),
    "set flush": lambda: setattr(sys.stderr, "flush", None),
    "set write of the buffer": lambda: setattr(sys.stdout.buffer, "write", None),
    "set flush of the buffer": lambda: setattr(sys.stderr.buffer, "flush", sys.exit),
    "set read": lambda: setattr(sys.stdin, "read", None),
    "circle": _circle,
    "open 1": lambda: open(1, "w").close(),
    "swap": lambda: os.dup2(1, 2),
    "file at 0": lambda: _with_file(0, os.O_RDONLY),
    "file at 1": lambda: _with_file(1),
    "file at 2": lambda: _with_file(2),
    "pipe at 1": _pipe_at_1,
    "close 1 from C": lambda: _from_c("close", 1),
    "swap from C": lambda: _from_c("dup2", 1, 2),
    "tee": _tee,
    "non-blocking": lambda: os.set_blocking(1, False),
    "close pipes": _close_pipes,
    "replace pipes": _replace_pipes,
}

#: Ways to change what is put back.
SETTINGS: dict[str, Callable[[], object]] = {
    "directory": lambda: os.chdir("/"),
    "set a variable": lambda: os.environ.__setitem__("LEAKED", "1"),
    "change a variable": lambda: os.environ.__setitem__("PATH", os.environ["PATH"] + ":LEAKED"),
    "remove a variable": lambda: os.environ.pop("PATH"),
    "rebind os.environ": lambda: setattr(os, "environ", os.environ | {"LEAKED": "1"}),
    "rebind os.environb": lambda: setattr(os, "environb", {}),
    "delete os.environ": lambda: delattr(os, "environ"),
    "umask": lambda: os.umask(0o777),
    "SIGTERM": lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
    "SIGINT": lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    "SIGCHLD": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    "SIGALRM": lambda: signal.signal(signal.SIGALRM, lambda number, frame: None),
    "mask": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1]),
    "alarm": lambda: signal.alarm(100),
    "real timer": lambda: signal.setitimer(signal.ITIMER_REAL, 100.0, 1.0),
    "virtual timer": lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 100.0),
    "profiling timer": lambda: signal.setitimer(signal.ITIMER_PROF, 100.0),
    "recursion limit": lambda: sys.setrecursionlimit(300),
    "socket timeout": lambda: socket.setdefaulttimeout(0.1),
    "directory from C": lambda: _from_c("chdir", b"/"),
    "umask from C": lambda: _from_c("umask", 0o777),
    "no collector": gc.disable,
    "precision": lambda: decimal.getcontext().__setattr__("prec", 3),
    "trace": lambda: (sys.settrace(lambda *event: None), sys.setprofile(lambda *event: None)),
}

#: Ways to change what cannot be put back.
FOR_GOOD: dict[str, Callable[[], object]] = {
    "size of files": lambda: _set_limit("RLIMIT_FSIZE", 200),
    "descriptors": lambda: _set_limit("RLIMIT_NOFILE", 16),
    "core files": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "priority": lambda: os.nice(3),
}


def _become_nobody() -> None:
    os.setegid(65534)
    os.seteuid(65534)


def _forbid_files() -> None:
    def hook(event: str, arguments: object) -> None:
        if event == "open":
            raise PermissionError("no files")

    sys.addaudithook(hook)


#: Ways that tasks which come behind in the same worker would notice, and that only a closer look finds.
UNSEEN: dict[str, Callable[[], object]] = {
    "short virtual timer": lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 0.02),
    "short profiling timer": lambda: signal.setitimer(signal.ITIMER_PROF, 0.02),
    "nice": lambda: os.nice(1),
    "nobody": _become_nobody,
    "root directory": lambda: os.chroot(tempfile.mkdtemp()),
    "audit hook": _forbid_files,
}

#: Timers that end in one of the next tasks of a batch.
MOMENTS: dict[str, Callable[[], object]] = {
    "virtual timer of a moment": lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005),
    "profiling timer of a moment": lambda: signal.setitimer(signal.ITIMER_PROF, 0.0005),
}

WAYS = MOMENTS | STREAMS | SETTINGS | FOR_GOOD | UNSEEN
