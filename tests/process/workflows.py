"""Tasks that worker processes can import."""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from alexflow import BinaryOutput, Output, Task, TaskOptions
from tests.kit.fifo import send_line, send_line_and_wait
from tests.kit.processes import open_descriptors


@dataclass(frozen=True)
class Value(Task):
    """Stores the process that it ran in, and what it was given."""

    n: int
    value: Any = None

    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="value")

    def run(self, input: Any, output: Output[Any]) -> None:
        output.store((os.getpid(), self.value))


@dataclass(frozen=True)
class Ends(Value):
    """Ends in some way."""

    how: str = ""
    told: str = field(default="", compare=False)

    def run(self, input: Any, output: Output[Any]) -> None:
        if self.told:
            send_line(self.told, os.getpid())
        WAYS[self.how]()


def _exit(code: Any) -> NoReturn:
    raise SystemExit(code)


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def _close_everything() -> None:
    os.closerange(3, 1024)
    subprocess.run(["true"], check=True)
    signal.pause()  # until the engine, which sees the end of the channel, kills it


WAYS: dict[str, Callable[[], Any]] = {
    "os._exit(0)": lambda: os._exit(0),
    "os._exit(7)": lambda: os._exit(7),
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "close all descriptors": _close_everything,
    "another program": lambda: os.execvp("sleep", ["sleep", "60"]),
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sys.exit()": sys.exit,
    "sys.exit(3)": lambda: _exit(3),
    "sys.exit('text')": lambda: _exit("text"),
    "KeyboardInterrupt": _interrupt,
    "read stdin": input,
}


@dataclass(frozen=True)
class Loud(Value):
    """Says much, in every way there is."""

    size: int = 0

    def run(self, input: Any, output: Output[Any]) -> None:
        line = "x" * 999 + "\n"
        for _ in range(self.size // 1000):
            sys.stdout.write(line)
        os.write(1, b"raw\n")
        os.write(2, b"raw\n")
        subprocess.run(["echo", "child"], check=True)
        print("printed", file=sys.stderr)
        super().run(input, output)


@dataclass(frozen=True)
class Says(Value):
    """Prints in some ways, one after the other, and its number."""

    ways: tuple[str, ...] = ()

    def run(self, input: Any, output: Output[Any]) -> None:
        for way in self.ways:
            SAYING[way](f"{way} {self.n}")
        super().run(input, output)


def says(n: int, *ways: str) -> Says:
    """A task that prints in these ways."""
    return Says(n, ways=ways)


def _raise(text: str) -> NoReturn:
    raise ValueError(text)


def _from_c(text: str) -> None:
    ctypes.PyDLL(None).write(1, f"{text}\n".encode(), len(text) + 1)  # holds the interpreter lock


SAYING: dict[str, Callable[[str], Any]] = {
    "print": print,
    "error": lambda text: print(text, file=sys.stderr),
    "no newline": lambda text: print(text, end=""),
    "raw": lambda text: os.write(1, f"{text}\n".encode()),
    "raw error": lambda text: os.write(2, f"{text}\n".encode()),
    "buffer": lambda text: sys.stdout.buffer.write(f"{text}\n".encode()) and sys.stdout.flush(),
    "child": lambda text: subprocess.run(["echo", text], check=True),
    "from C": _from_c,
    "surrogate": lambda text: print("\ud800"),
    "bytes": lambda text: os.write(1, b"\xff\n"),
    "raise": _raise,
    "close": lambda text: sys.stdout.close(),
    "kill": lambda text: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda text: os._exit(3),
    "hang": lambda text: time.sleep(300),
}


@dataclass(frozen=True)
class Logs(Value):
    """Logs in some ways, one after the other."""

    ways: tuple[str, ...] = ()
    name: str = "tests.logs"

    def run(self, input: Any, output: Output[Any]) -> None:
        for way in self.ways:
            import logging  # by the first task that needs it

            logger = logging.getLogger(self.name)
            if way == "basicConfig":
                logging.basicConfig(level=logging.DEBUG)
            elif way == "own handlers":
                logging.basicConfig(level=logging.DEBUG, force=True)
            elif way == "raise":
                raise ValueError("after what was logged")
            elif way == "wrong arguments":
                logger.warning("%d", "no number")
            elif way == "warning in a fork":
                pid = os.fork()
                if pid == 0:
                    logger.warning("in a fork")
                    os._exit(0)
                os.waitpid(pid, 0)
            elif way == "exception":
                try:
                    1 / 0  # noqa: B018
                except ZeroDivisionError:
                    logger.exception("exception %d", self.n)
            else:
                getattr(logger, way)("%s %d", way, self.n)
        super().run(input, output)


def logs(n: int, *ways: str, name: str = "tests.logs") -> Logs:
    """A task that logs in these ways."""
    return Logs(n, ways=ways, name=name)


@dataclass(frozen=True)
class Hangs(Value):
    """Hangs in C, with a child of its own."""

    options: ClassVar[TaskOptions] = TaskOptions(timeout=0.2)
    how: str = "holding the interpreter"
    told: str = field(default="", compare=False)

    def run(self, input: Any, output: Output[Any]) -> None:
        child = subprocess.Popen(["sleep", "300"])
        send_line(self.told, f"{os.getpid()} {child.pid}")
        library = ctypes.PyDLL(None) if self.how == "holding the interpreter" else ctypes.CDLL(None)
        library.sleep(300)


@dataclass(frozen=True)
class Held(Value):
    """Quick, but for the one with the number ``held``, which waits at a gate."""

    held: int = 1_000_000
    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)

    def run(self, input: Any, output: Output[Any]) -> None:
        if self.n == self.held:
            send_line_and_wait(self.told, os.getpid(), self.gate)
        output.store(self.n)


@dataclass(frozen=True)
class Talkative(Value):
    """Quick, but for the one with the number ``held``, which logs without a pause until there is a file."""

    held: int = 1_000_000
    until: str = field(default="", compare=False)

    def run(self, input: Any, output: Output[Any]) -> None:
        while self.n == self.held and not os.path.exists(self.until):
            logging.getLogger("talkative").info("still at it")
            time.sleep(0.005)
        output.store(self.n)


@dataclass(frozen=True)
class Chance(Held):
    """Stores a few random numbers."""

    def run(self, input: Any, output: Output[Any]) -> None:
        super().run(input, output)
        output.store([random.random() for _ in range(3)])


@dataclass(frozen=True)
class Link(Task):
    """Looks at the task behind what it reads, and at the one behind that."""

    n: int
    before: Output[Any] | None = None
    note: str = ""

    def input(self) -> Any:
        return {"before": self.before}

    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="seen")

    def run(self, input: Any, output: Output[Any]) -> None:
        seen = []
        before = input["before"]
        while before is not None:
            seen.append((before.src_task.n, before.src_task.note, before.src_task.task_id))
            before = before.src_task.before
        output.store(seen)


@dataclass(frozen=True)
class Chained(Task):
    """Adds its number to those of the link before; the one with the number ``fails_at`` fails, or kills its worker."""

    n: int
    before: Output[Any] | None = None
    log: str = field(default="", compare=False)
    fails_at: int = -1
    kills: bool = False
    says: bool = field(default=False, compare=False)
    unless: str = field(default="", compare=False)

    def input(self) -> Any:
        return self.before

    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="numbers")

    def run(self, input: Any, output: Output[Any]) -> None:
        if self.log:
            with open(self.log, "a") as file:
                file.write(f"{self.n}\n")
        if self.says:
            print(f"link {self.n}")
        if self.n == self.fails_at and not (self.unless and os.path.exists(self.unless)):
            if self.unless:
                open(self.unless, "x").close()
            if self.kills:
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError(f"link {self.n}")
        output.store([*(input.load() if input else ()), self.n])


@dataclass(frozen=True)
class ChainedHeld(Chained):
    """The one with the number ``held`` waits at a gate."""

    held: int = -1
    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)

    def run(self, input: Any, output: Output[Any]) -> None:
        super().run(input, output)
        if self.n == self.held:
            send_line_and_wait(self.told, os.getpid(), self.gate)


@dataclass(frozen=True)
class Descriptors(Value):
    """Stores which descriptors its process has."""

    def run(self, input: Any, output: Output[Any]) -> None:
        output.store((os.getpid(), open_descriptors()))


@dataclass(frozen=True)
class Environment(Value):
    """Stores what its process was started with."""

    def run(self, input: Any, output: Output[Any]) -> None:
        output.store((os.getpid(), (os.getcwd(), dict(os.environ), sys.path)))


@dataclass(frozen=True)
class Threads(Value):
    """Stores what runs in its process."""

    def run(self, input: Any, output: Output[Any]) -> None:
        output.store((os.getpid(), [thread.name for thread in threading.enumerate()]))


@dataclass(frozen=True)
class Counting(BinaryOutput[Any]):
    """A format that does more at construction than others."""

    loads: list[str] = field(default_factory=list, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "made_for", self.key)

    def decode(self, data: bytes) -> Any:
        self.loads.append(self.made_for)  # type: ignore[attr-defined]
        return super().decode(data)


@dataclass(frozen=True)
class Counted(Task):
    """Stores what the formats of its inputs, and of its own output, know of themselves."""

    n: int
    before: Output[Any] | None = None
    several: list[Output[Any]] = field(default_factory=list)

    def input(self) -> Any:
        return [*self.several] if self.before is None else [self.before, *self.several]

    def output(self) -> Output[Any]:
        return self.build_output(Counting, key="counted")

    def run(self, input: Any, output: Any) -> None:
        for each in input:
            each.load()
        output.store((output.made_for, output.loads, [each.loads for each in input]))


@dataclass(frozen=True)
class AsksForSource(Task):
    """Stores its process, and the value that the task behind its input carries."""

    behind: Output[Any]

    def input(self) -> Output[Any]:
        return self.behind

    def output(self) -> Output[Any]:
        return self.build_output(BinaryOutput[Any], key="value")

    def run(self, input: Output[Any], output: Output[Any]) -> None:
        source = input.src_task
        assert isinstance(source, Value)
        output.store((os.getpid(), source.value))


@dataclass(frozen=True)
class SetsTimeout(AsksForSource):
    """Before that it sets a default timeout for sockets, and then logs."""

    seconds: float = 1.0

    def run(self, input: Output[Any], output: Output[Any]) -> None:
        socket.setdefaulttimeout(self.seconds)
        logging.getLogger("timeouts").info("after it was set")
        super().run(input, output)


@dataclass(frozen=True)
class LooksForTyping(Value):
    """Stores whether its process had imported ``typing_extensions``, and whether it can."""

    def run(self, input: Any, output: Output[Any]) -> None:
        had = "typing_extensions" in sys.modules
        output.store((had, hasattr(importlib.import_module("typing_extensions"), "TypedDict")))
