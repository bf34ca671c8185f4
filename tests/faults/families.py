"""Tasks that start processes and leave them, for worker processes to import."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from alexflow import Output
from tests.faults.workflows import Number
from tests.kit.fifo import send_line, send_line_and_wait

#: What is kept from being closed, or waited for, as long as the process lives.
_kept: list[object] = []


def _kept_pid(child: subprocess.Popen[bytes]) -> int:
    _kept.append(child)
    return child.pid


def _fork() -> int:
    pid = os.fork()
    if pid == 0:
        time.sleep(300)
        os._exit(0)
    return pid


def _pool() -> int:
    pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
    _kept.append(pool)
    return pool.submit(os.getpid).result()


def _process() -> int:
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(300,), daemon=True)
    _kept.append(process)
    process.start()
    assert process.pid is not None
    return process.pid


def _deaf() -> int:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(300)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, process_group=0)
    assert child.stdout is not None
    child.stdout.readline()
    return _kept_pid(child)


def _job_of_a_shell() -> int:
    """In a group of its own, as the shell's jobs are; the shell itself ends."""
    shell = subprocess.run(
        ["bash", "-m", "-c", "sleep 300 >/dev/null 2>&1 & echo $!"], stdout=subprocess.PIPE, check=True
    )
    return int(shell.stdout)


#: How a task can start a process that stays in its session.
WAYS: dict[str, Callable[[], int]] = {
    "a command": lambda: _kept_pid(subprocess.Popen(["sleep", "300"])),
    "a command in a group of its own": lambda: _kept_pid(subprocess.Popen(["sleep", "300"], process_group=0)),
    "one that ignores SIGTERM": _deaf,
    "a job of a shell": _job_of_a_shell,
    "fork": _fork,
    "multiprocessing": _process,
    "ProcessPoolExecutor": _pool,
}

#: And one that leaves it.
DAEMON = "a daemon"


def start(way: str) -> int:
    """Start a process in one of these ways; its process id."""
    if way == DAEMON:
        return _kept_pid(subprocess.Popen(["sleep", "300"], start_new_session=True))
    return WAYS[way]()


@dataclass(frozen=True)
class Parent(Number):
    """Starts a process in each of some ways, tells its own process id and theirs, and then waits at a gate, if any."""

    ways: tuple[str, ...] = tuple(WAYS)
    told: str = field(default="", compare=False)
    gate: str = field(default="", compare=False)

    def run(self, input: None, output: Output[int]) -> None:
        family = " ".join(str(pid) for pid in (os.getpid(), *(start(way) for way in self.ways)))
        if self.gate:
            send_line_and_wait(self.told, family, self.gate)
        else:
            send_line(self.told, family)
        output.store(self.n)


@dataclass(frozen=True)
class KilledParent(Parent):
    """Kills its own process then."""

    def run(self, input: None, output: Output[int]) -> None:
        send_line(self.told, " ".join(str(pid) for pid in (os.getpid(), *(start(way) for way in self.ways))))
        os.kill(os.getpid(), signal.SIGKILL)
