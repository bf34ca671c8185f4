"""``python -m tests.crash.training --kills 1000``: kill a training at random instants; it ends as if undisturbed.

A training of 100 steps saves its state after each. Its worker is killed by SIGKILL again and again, now and then its
engine too. In the end its output has the bytes of an undisturbed one, and no kill has cost more than the step in which
it came.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import alexflow
from alexflow import LocalStorage, Task, current, open_record
from alexflow.checkpoints import kept_checkpoints
from alexflow.formats import BytesOutput
from alexflow.retention import stale_checkpoints

STEPS = 100

#: How many of a hundred kills hit the engine.
ENGINES_KILLED = 2

#: Seconds without a step after which something is wrong.
PATIENCE = 60.0


@dataclass(frozen=True)
class Training(Task):
    """Changes numbers at random, step by step; a line in a log says that a step begins."""

    seed: int
    log: str = ""

    def output(self) -> BytesOutput:
        return self.build_output(BytesOutput, key="weights.bin")

    def run(self, input: None, output: BytesOutput) -> None:
        generator = random.Random(self.seed)
        with current.checkpoint() as checkpoint:
            step, weights, at = checkpoint.load(default=(0, [0.0] * 50, generator.getstate()))
            generator.setstate(at)
            while step < STEPS:
                step += 1
                self.begin(step)
                weights = [weight + generator.gauss(0, 1) for weight in weights]
                checkpoint.save((step, weights, generator.getstate()))
        output.store(repr(weights).encode())

    def begin(self, step: int) -> None:
        if self.log:
            fd = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(fd, f"{step} {os.getpid()}\n".encode())
            os.close(fd)


def undisturbed(seed: int) -> bytes:
    """Return the bytes of a training that nothing disturbs."""
    result = alexflow.run(Training(seed), storage=alexflow.MemoryStorage(), executor="thread")
    value: bytes = result.output.load()
    return value


class Disturbed:
    """One training that is killed some times."""

    def __init__(self, directory: Path, seed: int, kills: int):
        self.storage = LocalStorage(directory / f"results-{seed}")
        self.log = directory / f"log-{seed}"
        self.task = Training(seed, str(self.log))
        self.kills_left = kills
        self.killed = 0
        self.engines_killed = 0
        self._chance = random.Random(seed)
        self._engine: subprocess.Popen[bytes] | None = None

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def start(self) -> subprocess.Popen[bytes]:
        arguments = [str(self.storage.base_path), str(self.task.seed), str(self.log)]
        command = [sys.executable, "-m", "tests.crash.training", "--engine", *arguments]
        return subprocess.Popen(command, start_new_session=True)

    def run(self) -> list[str]:
        """Run it to its end. Returns what was wrong."""
        engine = self.start()
        while self.kills_left and engine.poll() is None:
            if not self.wait_for_steps(engine, self._chance.randrange(4)):
                break
            time.sleep(self._chance.uniform(0, 0.003))
            self.kills_left -= 1
            self.killed += 1
            if self._chance.randrange(100) < ENGINES_KILLED:
                self.engines_killed += 1
                os.killpg(engine.pid, signal.SIGKILL)
                engine.wait()
                engine = self.start()
            else:
                self.kill_worker()
        code = engine.wait(PATIENCE)
        return [f"the engine ended with {code}"] if code else self.faults()

    def wait_for_steps(self, engine: subprocess.Popen[bytes], more: int) -> bool:
        """Wait until some more steps have begun; False if the training has ended."""
        wanted, deadline = len(self.lines()) + more, time.monotonic() + PATIENCE
        while len(self.lines()) < max(wanted, 1):
            if engine.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise TimeoutError(f"no step for {PATIENCE:g} s; see {self.log}")
            time.sleep(0.0002)
        return True

    def kill_worker(self) -> None:
        try:
            os.kill(int(self.lines()[-1].split()[1]), signal.SIGKILL)
        except ProcessLookupError:  # another kill was quicker, or it has ended
            self.killed -= 1

    def faults(self) -> list[str]:
        steps = [int(line.split()[0]) for line in self.lines()]
        jumps = [(last, step) for last, step in pairwise(steps) if step - last not in (0, 1)]
        wrong = [f"step {last} was followed by {step}" for last, step in jumps]
        repeated = len(steps) - STEPS
        if repeated > self.killed:
            wrong.append(f"{repeated} steps were repeated after {self.killed} kills")
        if self.storage.read(self.task.output().key) != undisturbed(self.task.seed):
            wrong.append("the result differs from that of an undisturbed training")
        # a worker that was killed between its last output and the end of its job has left its checkpoint for gc
        needless = {each.task_id for each in stale_checkpoints(open_record(self.storage), None, ())}
        if left := [each for each in kept_checkpoints(self.storage) if each.task_id not in needless]:
            wrong.append(f"checkpoints are left: {left}")
        return [f"seed {self.task.seed}: {fault}" for fault in wrong]


def campaign(directory: Path, seed: int, kills: int, kills_each: int = 50) -> tuple[int, int, int, list[str]]:
    """Disturb trainings until so many kills have hit. Returns kills, of engines, trainings, and what was wrong."""
    killed = engines = trainings = 0
    faults: list[str] = []
    while killed < kills:
        disturbed = Disturbed(directory, seed + trainings, min(kills_each, kills - killed))
        faults += disturbed.run()
        killed += disturbed.killed
        engines += disturbed.engines_killed
        trainings += 1
    return killed, engines, trainings, faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", nargs=3, metavar=("STORAGE", "SEED", "LOG"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.engine:
        storage, seed, log = options.engine
        alexflow.run(Training(int(seed), log), storage=storage, workers=1, max_deaths=1_000_000)
        return
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="alexflow-training-") as directory:
        killed, engines, trainings, faults = campaign(Path(directory), options.seed, options.kills)
    print(
        f"{killed} kills, {engines} of them of engines, in {trainings} trainings of {STEPS} steps; {len(faults)} faults"
    )
    print(f"in {time.monotonic() - started:.0f} s")
    for fault in faults:
        print("FAULT", fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    from tests.crash.training import main as as_imported  # its tasks' classes are those of the module

    as_imported()
