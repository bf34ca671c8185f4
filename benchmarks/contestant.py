"""A contestant as the harness sees it: a script to be run in a fresh process, asked and answering by ``protocol``."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import work
from benchmarks.protocol import UNSUPPORTED

HERE = Path(__file__).resolve().parent

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
    """What a contestant says of one run."""

    seconds: float
    tasks: int
    value: int
    peak_mib: float
    executed: int | None = None
    described: float | None = None

    def micros_per_task(self) -> float:
        return self.seconds / self.tasks * 1e6

    def micros_to_describe(self) -> float:
        """What of them is spent before the engine is asked for anything, by the code that describes the tasks."""
        return (self.described or 0.0) / self.tasks * 1e6

    def in_seconds(self) -> float:
        return self.seconds

    def in_millis(self) -> float:
        return self.seconds * 1e3

    def in_mib(self) -> float:
        return self.peak_mib


@dataclass(frozen=True)
class Question:
    """What a contestant is to do.

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
    code, output, errors = run(command, limit, at_home)
    measured = _last_line(output)
    if code == UNSUPPORTED:
        raise Unsupported(str(measured.get("unsupported", "not supported")))
    if code != 0:
        raise Crashed(f"exit code {code}: {errors.strip().rpartition(chr(10))[2][:200] or 'nothing said'}")
    if not measured:
        raise Crashed("no answer")
    return measured


def run(command: list[str], limit: float, at_home: bool = True) -> tuple[int, str, str]:
    """The exit code, output and errors of a command; it and all that it started is killed after ``limit`` seconds.

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
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
        try:
            code = _end_of(process, limit)
        except subprocess.TimeoutExpired:
            raise OverTime(f"> {limit:g} s") from None
        finally:
            if process.returncode is None:  # not reaped yet, so that the group is surely its own
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        output.seek(0)
        errors.seek(0)
        return code, output.read().decode(errors="replace"), errors.read().decode(errors="replace")


def _end_of(process: subprocess.Popen[bytes], limit: float) -> int:
    """Wait to the moment, which may be what is measured: ``wait`` with a timeout looks every 50 ms in the end."""
    if hasattr(os, "pidfd_open"):  # Linux
        end = os.pidfd_open(process.pid)
        try:
            select.select([end], [], [], limit)
        finally:
            os.close(end)
        limit = 0
    return process.wait(limit)


def _last_line(output: str) -> dict[str, Any]:
    lines = output.strip().splitlines()
    try:
        measured = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    return measured if isinstance(measured, dict) else {}


ALEXFLOW = Contestant("alexflow", HERE / "contestants" / "with_alexflow.py")
LIMIT = Contestant("limit", HERE / "contestants" / "limit.py")
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
