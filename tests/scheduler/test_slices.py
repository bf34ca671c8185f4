"""Consequences of the end of a task with very many dependents or inputs: done in slices, and counted once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from alexflow.scheduler import TaskSpec, cycles
from alexflow.scheduler.demand import INPUTS_PER_STEP
from alexflow.scheduler.events import (
    Event,
    Failed,
    Inspected,
    RunRequested,
    RunsCancelled,
    Succeeded,
    Verified,
)
from alexflow.scheduler.instructions import Finish, Remove, Resume, Start, Verify
from tests.scheduler.harness import Harness, failure, forget, inspect, start, verify
from tests.scheduler.test_scale import Play, calls_of


def through(h: Harness, instructions: list[Any]) -> list[Any]:
    """Return these instructions, and those of all further turns."""
    everything = list(instructions)
    while any(isinstance(instruction, Resume) for instruction in instructions):
        instructions = h.resume()
        everything += instructions
    return [instruction for instruction in everything if not isinstance(instruction, Resume)]


def planned(h: Harness, keys: str, on_error: str = "stop") -> list[Any]:
    instructions = everything = h.ask(1, keys, on_error=on_error)
    while any(keys := getattr(instruction, "keys", ()) for instruction in instructions):
        instructions = h.look(" ".join(keys))
        everything = everything + instructions
    return through(h, everything)


def fan(h: Harness, width: int) -> str:
    """Add a task with so many readers, and one that reads what these make. Returns the names of the former."""
    h.task("S")
    names = [f"R{number}" for number in range(width)]
    for name in names:
        h.task(name, "s")
    h.task("E", " ".join(names).lower())
    return " ".join(names)


# -- a task fails


@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_a_request_is_not_over_while_its_tasks_are_being_skipped(on_error: str) -> None:
    h = Harness(steps=2)
    fan(h, 40)
    planned(h, "e", on_error)
    instructions = h.fail("S")
    turns = 0
    while not any(isinstance(instruction, Finish) for instruction in instructions):
        assert h.scheduler.state.runs
        assert Resume() in instructions
        instructions = h.resume()
        turns += 1
    assert turns > 20
    (finish,) = [instruction for instruction in instructions if isinstance(instruction, Finish)]
    assert [name for name, _ in finish.failures] == ["S"]
    assert len(finish.skipped) == 41
    through(h, instructions)
    assert h.empty


@pytest.mark.parametrize("turns", range(0, 40, 3))
@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_cancelled_in_the_middle(turns: int, on_error: str) -> None:
    h = Harness(steps=1)
    fan(h, 5)
    planned(h, "e", on_error)
    instructions = h.fail("S")
    for _ in range(turns):
        instructions += h.resume()
    ends = through(h, [*instructions, *h.cancel(1), Resume()])
    assert sum(isinstance(instruction, Finish) for instruction in ends) == 1
    assert h.empty


@pytest.mark.parametrize("turns", range(0, 60, 3))
@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_a_second_request_joins_in_the_middle(turns: int, on_error: str) -> None:
    """It fails with the task, or has it run once more if the walk was over; it never waits for ever."""
    h = Harness(steps=1)
    fan(h, 5)
    h.task("F", "r4 x")
    h.task("X")
    planned(h, "e", on_error)
    instructions = h.fail("S")
    for _ in range(turns):
        instructions += h.resume()
    instructions += h.ask(2, "f", on_error="continue")
    finishes: dict[int, Finish] = {}
    failed = 1
    for _ in range(400):
        more: list[Any] = []
        for instruction in instructions:
            if isinstance(instruction, Finish):
                assert instruction.run_id not in finishes
                finishes[instruction.run_id] = instruction
            elif getattr(instruction, "question", None) is not None:
                more += h.look(" ".join(instruction.keys))
            elif isinstance(instruction, Verify):
                more += h.seen(instruction.run_id)
            elif instruction == start("X"):
                more += h.done("X")
            elif instruction == start("S") or getattr(instruction, "tasks", ()) == ("S", "X"):
                failed += 1
                more += h.fail("S")
                more += h.done("X")
        if Resume() in instructions:
            more += h.resume()
        instructions = more
    assert set(finishes) == {1, 2}
    assert [name for name, _ in finishes[2].failures] == ["S"]
    assert "F" in dict(finishes[2].skipped)
    assert finishes[2].ran == 1, "X is made all the same"
    assert h.empty


def test_a_task_that_ends_in_the_middle_counts_once() -> None:
    h = Harness(steps=1)
    fan(h, 3)
    h.task("T")
    h.task("G", "r2 t")
    planned(h, "e g", "continue")
    instructions = h.fail("S")
    for _ in range(3):
        instructions += h.resume()
    ends = through(h, [*instructions, *h.done("T"), Resume()])
    (finish,) = [instruction for instruction in ends if isinstance(instruction, Finish)]
    assert finish.ran == 1
    assert sorted(dict(finish.skipped)) == ["E", "G", "R0", "R1", "R2"]
    assert h.empty


def test_two_failures_of_which_one_comes_in_the_middle() -> None:
    h = Harness(steps=1)
    fan(h, 3)
    h.task("T")
    h.task("G", "r2 t")
    planned(h, "e g", "continue")
    instructions = h.fail("S")
    for _ in range(3):
        instructions += h.resume()
    ends = through(h, [*instructions, *h.fail("T"), Resume()])
    (finish,) = [instruction for instruction in ends if isinstance(instruction, Finish)]
    assert sorted(name for name, _ in finish.failures) == ["S", "T"]
    assert sorted(dict(finish.skipped)) == ["E", "G", "R0", "R1", "R2"]
    assert h.empty


def test_slots_of_the_failed_task_are_free_while_its_dependents_are_skipped() -> None:
    h = Harness(steps=1, limits={"gpu": 1})
    h.task("S", tags="gpu")
    for name in "ABCD":
        h.task(name, "s")
    h.task("T", tags="gpu")
    planned(h, "a b c d")
    h.ask(2, "t")
    assert through(h, h.look("t")) == []
    assert start("T") in h.fail("S")


def test_children_of_a_failed_dynamic_task_are_drained_in_slices() -> None:
    h = Harness(steps=1)
    h.task("P", dynamic=True, makes="p")
    h.chain("A", "B")
    h.task("Q", "p")
    planned(h, "q")
    h.gave("P", "A", last=False)
    through(h, h.look(incomplete="A"))
    ends = through(h, h.fail("P"))
    assert not any(isinstance(instruction, Finish) for instruction in ends), "A runs, and may end"
    assert through(h, h.done("A"))[0] == failure(1, "P", skipped="Q", ran=1)
    assert h.empty


# -- a task ends well


def started(instructions: list[Any]) -> list[str]:
    return [name for instruction in instructions if isinstance(instruction, Start) for name in instruction.tasks]


def test_many_readers_start_in_slices_and_each_once() -> None:
    h = Harness(steps=2)
    names = fan(h, 9)
    planned(h, "e")
    instructions = h.done("S")
    assert instructions[0] == start("R0 R1")
    assert started(through(h, instructions)) == names.split()


def test_a_reader_that_is_dropped_before_its_turn_does_not_start() -> None:
    h = Harness(steps=2)
    names = fan(h, 9).split()
    planned(h, " ".join(names[:-1]).lower())
    h.ask(2, "r8")
    through(h, h.look("r8"))
    assert started(through(h, [*h.done("S"), *h.cancel(2)])) == names[:-1]


def test_an_input_that_is_lost_before_all_have_it_is_missed_by_all() -> None:
    h = Harness(steps=1)
    names = fan(h, 4).split()
    planned(h, "e")
    assert started(h.done("S")) == ["R0"]
    assert inspect("s") in h.lost("R0", "s")
    assert started(through(h, [Resume()])) == []
    assert started(through(h, h.look("s"))) == ["S"]
    assert started(through(h, h.done("S"))) == names


def test_ephemeral_inputs_are_removed_before_the_run_ends() -> None:
    h = Harness(steps=1)
    names = [f"R{number}" for number in range(2 * INPUTS_PER_STEP + 1)]
    for name in names:
        h.task(name)
    inputs = " ".join(names).lower()
    h.task("E", inputs, ephemeral=inputs)
    planned(h, "e")
    h.done(" ".join(names))
    through(h, [Resume()])
    instructions = h.done("E")
    assert not any(isinstance(instruction, Verify) for instruction in instructions)
    ends = through(h, instructions)
    removed = [key for instruction in ends if isinstance(instruction, Remove) for key in instruction.keys]
    assert sorted(removed) == sorted(inputs.split())
    assert ends[-1] == verify(1, "e")
    assert h.seen(1) == [Finish(1, ran=len(names) + 1)]
    assert h.empty
    assert forget("E") in ends


# -- very many requests for one thing


@pytest.mark.parametrize("asks_for", ["output", "task"])
@pytest.mark.parametrize("cancelled", [0, 3, 9])
def test_many_requests_for_one_task_end_one_after_the_other(asks_for: str, cancelled: int) -> None:
    h = Harness(steps=2)
    h.task("A")
    for number in range(1, 11):
        h.ask(number, **{"output": {"keys": "a"}, "task": {"tasks": "A"}}[asks_for])
    through(h, h.look("a") if asks_for == "output" else h.look(incomplete="A"))
    instructions = h.done("A")
    turns, ends = 0, dict[int, Finish]()
    while turns < 100 and len(ends) < 10:
        for instruction in instructions:
            if isinstance(instruction, Finish):
                ends[instruction.run_id] = instruction
        more = [end for each in instructions if isinstance(each, Verify) for end in h.seen(each.run_id)]
        more += h.cancel(cancelled) if cancelled and turns == 1 else []
        assert len(instructions) <= 8
        turns += 1
        instructions = more + (h.resume() if Resume() in instructions else [])
    assert turns > 4
    assert sorted(ends) == list(range(1, 11))
    assert sum(end.ran for end in ends.values()) == 1
    assert sum(end.shared for end in ends.values()) >= 9 - bool(cancelled)
    through(h, [Resume()])
    assert h.empty


@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_many_requests_for_a_task_that_fails_end_one_after_the_other(on_error: str) -> None:
    h = Harness(steps=2)
    h.task("A")
    h.ask(1, "a", on_error=on_error)
    for number in range(2, 11):
        h.ask(number, "a", on_error=on_error)
    through(h, h.look("a"))
    instructions = h.fail("A")
    most, ends = 0, []
    while Resume() in instructions:
        finished = [instruction for instruction in instructions if isinstance(instruction, Finish)]
        most, ends = max(most, len(finished)), ends + finished
        instructions = h.resume()
    ends += [instruction for instruction in instructions if isinstance(instruction, Finish)]
    assert most <= 2
    assert sorted(end.run_id for end in ends) == list(range(1, 11))
    assert all(end.failures for end in ends)
    assert h.empty


# -- no turn grows


class Turns(Play):
    """Counts the calls of the longest turn."""

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0
        handle = self.scheduler.handle

        def counted(event: Event, now: float = 0.0) -> list[Any]:
            instructions: list[Any] = []
            calls = calls_of(lambda: instructions.extend(handle(event, now)))
            self.longest = max(self.longest, calls)
            return instructions

        self.scheduler.handle = counted  # type: ignore[method-assign]


def discovered(width: int, on_error: Any) -> Turns:
    """Discover a fan of so many tasks, which any cycle could lead through, but for the task that all of them need."""
    turns = Turns()
    keys = tuple(f"k{number}" for number in range(width))
    turns.tell(RunRequested(1, ("end",), (), on_error))
    turns.tell(Inspected(missing=(("end", "End"),), specs=(TaskSpec("End", keys, outputs=("end",)),)))
    for first in range(0, width, 128):
        missing = tuple((key, f"t{key}") for key in keys[first : first + 128])
        specs = tuple(TaskSpec(task, ("src",), outputs=(key,)) for key, task in missing)
        turns.tell(Inspected(missing=missing, specs=specs))
    turns.longest = 0
    return turns


#: The rest of it: now it is known whole, and searched for cycles.
SOURCE = Inspected(missing=(("src", "S"),), specs=(TaskSpec("S", outputs=("src",)),))


def longest_turn(width: int, on_error: Any, events: Callable[[int], list[Event]]) -> int:
    """Return the calls of the longest turn that follows from events, of a fan of so many tasks."""
    turns = discovered(width, on_error)
    turns.tell(SOURCE)
    turns.longest = 0
    for event in events(width):
        turns.tell(event)
    return turns.longest


def fails(width: int) -> list[Event]:
    return [Failed("S", RuntimeError())]


def cancels(width: int) -> list[Event]:
    return [RunsCancelled((1,))]


def succeeds(width: int) -> list[Event]:
    parts = [tuple(f"tk{n}" for n in range(first, min(first + 128, width))) for first in range(0, width, 128)]
    return [Succeeded(("S",)), *map(Succeeded, parts), Succeeded(("End",)), Verified(1)]


@pytest.mark.parametrize("on_error", ["stop", "continue"])
@pytest.mark.parametrize("events", [fails, cancels, succeeds])
def test_no_turn_is_longer_when_there_are_more_tasks(events: Callable[[int], list[Event]], on_error: str) -> None:
    few, many = longest_turn(1000, on_error, events), longest_turn(8000, on_error, events)
    assert many < few * 1.2


def test_no_turn_of_the_search_for_cycles_is_longer_when_there_are_more_tasks() -> None:
    def steps(width: int) -> int:
        turns, looked_at = discovered(width, "stop"), 0

        def count(frame: FrameType, event: str, argument: Any) -> Callable[..., Any] | None:
            nonlocal looked_at
            if frame.f_code.co_filename != cycles.__file__:
                return None
            looked_at += event == "line"
            return count

        handle, longest = turns.scheduler.handle, 0

        def counted(event: Event, now: float = 0.0) -> list[Any]:
            nonlocal looked_at, longest
            looked_at = 0
            try:
                return handle(event, now)
            finally:
                longest = max(longest, looked_at)

        turns.scheduler.handle = counted  # type: ignore[method-assign]
        sys.settrace(count)
        try:
            turns.tell(SOURCE)
        finally:
            sys.settrace(None)
        assert turns.started == 1
        return longest

    assert steps(8000) < steps(1000) * 1.2


@pytest.mark.parametrize("acyclic", [True, False])
def test_what_has_started_is_let_go_of_before_all_has(acyclic: bool) -> None:
    h = Harness(steps=64, places=False)
    names = [f"T{number}" for number in range(4 * cycles.LET_GO_AT_ONCE)]
    for name in names:
        h.task(name, acyclic=acyclic)
    h.plan(" ".join(names).lower())
    searches, kept = h.scheduler.state.to_search, []
    while searches:
        kept.append(max(len(searches[0].order), len(searches[0].group.nodes)) if searches[0].searched else len(names))
        h.resume()
    assert kept[-1] < 2 * cycles.LET_GO_AT_ONCE
    assert len(h.queued.split()) == len(names)
