"""Work follows the change: graphs of 100,000 tasks, counted in calls of the scheduler's functions, not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from alexflow.scheduler import Scheduler, TaskSpec
from alexflow.scheduler.events import Failed, Inspected, Resumed, RunRequested, Succeeded, Verified
from alexflow.scheduler.instructions import Finish, Instruction, Resume, Start
from tests.kit.effort import examples

MANY = examples(100_000)


def calls_of(work: Callable[[], Any]) -> int:
    """Count calls of the scheduler's functions."""
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call" and "alexflow" in frame.f_code.co_filename

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


class Play:
    """Passes events to a scheduler, and takes the turns that it requests."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.started = 0
        self.finish: Finish | None = None

    def tell(self, event: Any) -> list[Instruction]:
        instructions = self.scheduler.handle(event)
        for instruction in instructions:
            if isinstance(instruction, Start):
                self._begin(instruction.tasks)
            elif isinstance(instruction, Finish):
                self.finish = instruction
        if any(isinstance(instruction, Resume) for instruction in instructions):
            return [*instructions, *self.tell_again()]
        return instructions

    def tell_again(self) -> list[Instruction]:
        everything: list[Instruction] = []
        resuming = True
        while resuming:
            instructions = self.scheduler.handle(Resumed())
            everything += instructions
            resuming = any(isinstance(instruction, Resume) for instruction in instructions)
            for instruction in instructions:
                if isinstance(instruction, Start):
                    self._begin(instruction.tasks)
                elif isinstance(instruction, Finish):
                    self.finish = instruction
        return everything

    def _begin(self, task_ids: tuple[str, ...]) -> None:
        self.started += len(task_ids)
        self.scheduler.begin("", task_ids)


def chain(length: int) -> None:
    """A chain that is requested from its end."""
    play = Play()
    play.tell(RunRequested(1, (f"k{length - 1}",)))
    for number in reversed(range(length)):
        inputs = (f"k{number - 1}",) if number else ()
        spec = TaskSpec(f"t{number}", inputs, outputs=(f"k{number}",))
        play.tell(Inspected(missing=((f"k{number}", f"t{number}"),), specs=(spec,)))
    for number in range(length):
        assert play.started == number + 1
        play.tell(Succeeded((f"t{number}",)))
    play.tell(Verified(1))
    assert play.finish == Finish(1, ran=length)


def fan(width: int) -> None:
    """Many tasks, and one that reads them all."""
    play = Play()
    keys = tuple(f"k{number}" for number in range(width))
    play.tell(RunRequested(1, ("end",)))
    play.tell(Inspected(missing=(("end", "End"),), specs=(TaskSpec("End", keys, outputs=("end",)),)))
    for first in range(0, width, 128):
        numbers = range(first, min(first + 128, width))
        missing = tuple((f"k{number}", f"t{number}") for number in numbers)
        play.tell(Inspected(missing=missing, specs=tuple(TaskSpec(task, outputs=(key,)) for key, task in missing)))
    assert play.started == width
    for number in range(width):
        play.tell(Succeeded((f"t{number}",)))
    assert play.started == width + 1
    play.tell(Succeeded(("End",)))
    play.tell(Verified(1))
    assert play.finish == Finish(1, ran=width + 1)


def given_up(length: int) -> None:
    """A chain that is cancelled while its first task runs."""
    play = Play()
    play.tell(RunRequested(1, (f"k{length - 1}",)))
    for number in reversed(range(length)):
        inputs = (f"k{number - 1}",) if number else ()
        spec = TaskSpec(f"t{number}", inputs, outputs=(f"k{number}",))
        play.tell(Inspected(missing=((f"k{number}", f"t{number}"),), specs=(spec,)))
    play.tell(Failed("t0", RuntimeError()))
    assert play.finish is not None
    assert len(play.finish.skipped) == length - 1


@pytest.mark.parametrize(("work", "at_most"), [(chain, 50), (fan, 40), (given_up, 50)])
def test_work_per_task_does_not_grow(work: Callable[[int], None], at_most: int) -> None:
    few = calls_of(lambda: work(1000)) / 1000
    many = calls_of(lambda: work(10_000)) / 10_000
    assert many < at_most
    assert many == pytest.approx(few, rel=0.02)


@pytest.mark.parametrize("work", [chain, fan, given_up])
def test_a_hundred_thousand(work: Callable[[int], None]) -> None:
    work(MANY)


def test_memory_follows_the_frontier() -> None:
    play = Play()
    play.tell(RunRequested(1, ("k99",)))
    for number in reversed(range(100)):
        inputs = (f"k{number - 1}",) if number else ()
        spec = TaskSpec(f"t{number}", inputs, outputs=(f"k{number}",))
        play.tell(Inspected(missing=((f"k{number}", f"t{number}"),), specs=(spec,)))
    for number in range(100):
        play.tell(Succeeded((f"t{number}",)))
        assert len(play.scheduler.state.nodes) == 99 - number
        assert len(play.scheduler.state.keys) <= 100 - number
