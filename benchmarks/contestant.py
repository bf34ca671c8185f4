"""A contestant as the harness sees it: a script to be run in a fresh process, asked and answering by ``protocol``."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import work
from benchmarks.protocol import UNSUPPORTED

HERE = Path(__file__).resolve().parent

#: Seconds between two looks at a command that is watched.
WATCHED_EVERY = 0.01

#: Cases after which it matters how many tasks were executed, and how many may be.
EXECUTED = {"grow": 1, "rerun": 0}


class Unfit(Exception):
    """There is no figure; the message says why, and ``in_short`` says it in a cell of a table if it is too long."""

    in_short = ""


class Unsupported(Unfit):
    """The engine has no way to do the case."""

    in_short = "unsupported"


class OverTime(Unfit):
    """It took longer than the limit."""


class Crashed(Unfit):
    """It ended with an error, or without an answer."""

    in_short = "crashed"


class Wrong(Unfit):
    """A wrong result, or more work than there was to do."""

    in_short = "wrong"


@dataclass(frozen=True)
class Answer:
    """A contestant's figures of one run."""

    seconds: float
    tasks: int
    value: int
    peak_mib: float
    executed: int | None = None
    described: float | None = None

    def micros_per_task(self) -> float:
        return self.seconds / self.tasks * 1e6

    def micros_to_describe(self) -> float:
        """Return the part of them that passes before the engine is asked for anything, in code that describes tasks."""
        return (self.described or 0.0) / self.tasks * 1e6

    def in_seconds(self) -> float:
        return self.seconds

    def in_millis(self) -> float:
        return self.seconds * 1e3

    def in_mib(self) -> float:
        return self.peak_mib


@dataclass(frozen=True)
class Question:
    """A contestant's work.

    Attributes:
        case: one of ``protocol.CASES``.
        size: how many tasks, as ``work`` counts them.
        seconds: how long each task of ``async`` and ``cpu`` takes.
        workers: worker processes.
    """

    case: str
    size: int
    seconds: float = 0.05
    workers: int = 2


@dataclass(frozen=True)
class Contestant:
    """A script that does the cases.

    Attributes:
        name: as it is shown.
        script: what is run.
        python: by which interpreter.
        options: further arguments of the script.
        at_home: whether it needs this repository on its path; others find what they need themselves.
    """

    name: str
    script: Path
    python: str = sys.executable
    options: tuple[str, ...] = ()
    at_home: bool = True

    def ask(self, question: Question, directory: Path, limit: float) -> Answer:
        """Run it once.

        Args:
            question: what to do.
            directory: an empty one, for what it stores.
            limit: seconds after which it is killed.

        Raises:
            Unfit: it did not do it, or not rightly.
        """
        answer = self._answer(question, directory, limit)
        right = work.expected(question.case, question.size)
        if answer.value != right:
            raise Wrong(f"wrong result: {answer.value} instead of {right}")
        tasks = work.tasks_of(question.case, question.size)
        if answer.tasks != tasks:
            raise Wrong(f"wrong number of tasks: {answer.tasks} instead of {tasks}")
        allowed = EXECUTED.get(question.case)
        if allowed is not None and answer.executed != allowed:
            raise Wrong(f"{answer.executed} tasks were executed where {allowed} had to be")
        return answer

    def _answer(self, question: Question, directory: Path, limit: float) -> Answer:
        command = [self.python, str(self.script), *self.options]
        command += ["--case", question.case, "--size", str(question.size), "--directory", str(directory)]
        command += ["--seconds", str(question.seconds), "--workers", str(question.workers)]
        measured = ask_for(command, limit, at_home=self.at_home)
        try:
            known = measured["seconds"], measured["tasks"], measured["value"], measured["peak_mib"]
            return Answer(*known, executed=measured.get("executed"), described=measured.get("described"))
        except KeyError as error:
            raise Crashed(f"the answer has no {error}") from None

    def measure(self, question: Question, figure: Callable[[Answer], float], limit: float) -> Callable[[Path], float]:
        """For a contest: one figure of one run."""
        return lambda directory: figure(self.ask(question, directory, limit))


def ask_for(command: list[str], limit: float, at_home: bool = True) -> dict[str, Any]:
    """The JSON in the last line of a command's output.

    Raises:
        Unfit: it does not.
    """
    return answer_of(run(command, limit, at_home))


def answer_of(ended: Ended) -> dict[str, Any]:
    """The JSON in the last line that a command wrote.

    Raises:
        Unfit: it failed, or there is none.
    """
    measured = _last_line(ended.output)
    if ended.code == UNSUPPORTED:
        raise Unsupported(str(measured.get("unsupported", "not supported")))
    if ended.code != 0:
        last = ended.errors.strip().rpartition("\n")[2][:200]
        raise Crashed(f"exit code {ended.code}: {last or 'nothing said'}")
    if not measured:
        raise Crashed("no answer")
    return measured


@dataclass(frozen=True)
class Ended:
    """The end of a command.

    Attributes:
        code: its exit code.
        output: its standard output.
        errors: its standard error.
        seconds: how long it took, from just before it was started until the system said that it has ended.
        cpu_seconds: processor time of it and of all descendants that were waited for.
    """

    code: int
    output: str
    errors: str
    seconds: float
    cpu_seconds: float


def run(command: list[str], limit: float, at_home: bool = True, watched: Callable[[int], None] | None = None) -> Ended:
    """Run a command to its end; it and all that it started is killed after ``limit`` seconds.

    Args:
        command: the program and its arguments.
        limit: seconds.
        at_home: whether it finds this repository's packages.
        watched: called again and again with its process id while it runs.

    Raises:
        OverTime: it was.
    """
    environment = dict(os.environ)
    environment.pop("PYTHONPATH", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else what is not installed is compiled at every start
    if at_home:
        environment["PYTHONPATH"] = str(HERE.parent)
    # files, not pipes: what a contestant leaves behind may hold a pipe open
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
        try:
            end = _end_of(process.pid, limit, watched)
            seconds = time.perf_counter() - started
            if end is None:
                raise OverTime(f"> {limit:g} s")
            status, usage = end
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:  # not reaped yet, so that the group is surely its own
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        errors.seek(0)
        texts = (file.read().decode(errors="replace") for file in (output, errors))
        return Ended(process.returncode, *texts, seconds, usage.ru_utime + usage.ru_stime)


def _end_of(pid: int, limit: float, watched: Callable[[int], None] | None) -> tuple[int, Any] | None:
    """Wait to the moment, which may be what is measured: the status and the usage; None if it has not ended by then."""
    until = time.perf_counter() + limit
    descriptor = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1  # Linux
    try:
        while True:
            left = max(until - time.perf_counter(), 0)
            if descriptor >= 0:
                select.select([descriptor], [], [], left if watched is None else WATCHED_EVERY)
            else:
                time.sleep(0.001)
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                return status, usage
            if not left:
                return None
            if watched is not None:
                watched(pid)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _last_line(output: str) -> dict[str, Any]:
    lines = output.strip().splitlines()
    try:
        measured = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return measured if isinstance(measured, dict) else {}


ALEXFLOW = Contestant("alexflow", HERE / "contestants" / "with_alexflow.py")
LIMIT = Contestant("limit", HERE / "contestants" / "limit.py")
FLOOR = Contestant("floor", HERE / "contestants" / "floor.py")
HANDMADE = Contestant("handmade", HERE / "contestants" / "handmade.py")


def warm(contestant: Contestant) -> Contestant:
    """Alexflow or the handmade contestant, on an engine or a pool whose workers run before the time begins."""
    return replace(contestant, name=f"{contestant.name}, warm", options=(*contestant.options, "--warm"))


def peer(name: str) -> Contestant:
    """Another engine, by its name in ``benchmarks/peers``, or any script that keeps to the protocol, by its path.

    An engine has an environment of its own, in ``.nox``, which ``nox -s bench-peers`` makes; it is shown with the
    version that is installed there.

    Raises:
        FileNotFoundError: there is no such script, or no environment.
    """
    script = Path(name)
    if script.suffix == ".py":
        if not script.exists():
            raise FileNotFoundError(f"there is no script {name}")
        return Contestant(script.stem, script.resolve(), at_home=True)
    script = HERE / "peers" / f"{name.replace('-', '_')}.py"
    if not script.exists():
        raise FileNotFoundError(f"there is no {script.relative_to(HERE.parent)}")
    python = HERE.parent / ".nox" / f"peer-{name}" / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"{name} has no environment {python.parents[1]}; `nox -s bench-peers` makes it")
    return Contestant(f"{name} {_version(python, name)}".strip(), script, str(python), at_home=False)


def _version(python: Path, name: str) -> str:
    code = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()
