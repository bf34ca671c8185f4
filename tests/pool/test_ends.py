"""Exact histories of workers that die or are replaced, and of jobs that are stopped or cannot be sent."""

from __future__ import annotations

import pytest

from alexflow.executors.interface import Done, NotDone, Unsure
from alexflow.executors.process.hesitation import MOST_MOMENTS
from alexflow.executors.process.instructions import RevokeJobs
from alexflow.executors.process.roster import MAX_START_FAILURES
from alexflow.executors.recycle import Recycle
from tests.pool.histories import chain, learn, names, outcome, run, submit
from tests.pool.world import Worker, World

# -- deaths


def test_a_death_costs_the_running_job_an_attempt_and_no_other():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a b c d")
    world.begin(worker)
    world.end(worker)  # a, unreported
    world.begin(worker)  # b
    world.die(worker)
    assert outcome(world, "a") == Unsure("a")
    assert outcome(world, "b") == Unsure("b", NotDone("b", "lost"))
    (heir,) = world.workers
    assert names(heir) == ["c", "d"]


def test_what_a_dead_worker_has_sent_counts():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a b")
    world.begin(worker)
    world.end(worker)
    worker.report()
    world.die(worker)
    assert isinstance(outcome(world, "a"), Done)


def test_a_job_that_replaces_outputs_is_lost_for_sure():
    world = World(size=1)
    submit(world, "a", replace=True)
    world.begin(world.workers[0])
    world.die(world.workers[0])
    assert outcome(world, "a") == NotDone("a", "lost")


def test_workers_that_never_start_are_given_up():
    world = World(size=1)
    submit(world, "a b")
    for _ in range(MAX_START_FAILURES + 1):
        assert world.open
        world.die(world.workers[-1])
    assert [outcome(world, name).reason for name in "ab"] == ["fatal", "fatal"]


def test_the_system_refuses_workers():
    world = World(size=2)
    world.refuses_to_start = True
    submit(world, "a")
    assert outcome(world, "a").reason == "fatal"


# -- cancelling


def test_a_job_that_waits_is_cancelled_at_once():
    world = World(size=1)
    submit(world, "a b", key="new")
    world.cancel(["b"])
    assert outcome(world, "b").reason == "cancelled"


def stop_a(world: World) -> Worker:
    """Let `a` run with `b` behind it, cancel it, and let its worker give `b` back."""
    worker = learn(world)
    submit(world, "a b")
    world.begin(worker)
    world.cancel(["a"])
    assert worker.terminated
    worker.give_back()
    world.arrive(worker)
    assert not world.ready["a"].outcomes  # it is not over
    return worker


def test_a_job_that_is_stopped_and_ends_at_once_leaves_its_worker_to_what_waited_behind_it():
    world = World(size=1)
    worker = stop_a(world)
    assert world.workers == [worker]
    assert names(worker) == ["a"]
    world.end(worker, well=False)
    world.arrive(worker)
    assert outcome(world, "a").reason == "error"  # as the worker says; the pool makes "cancelled" of it
    assert names(worker) == []  # `b` may be withdrawn, too
    world.pass_moment()
    assert names(worker) == ["b"]
    assert world.workers == [worker]


def end_a(world: World) -> Worker:
    """Let the worker hesitate."""
    worker = stop_a(world)
    world.end(worker, well=False)
    world.arrive(worker)
    return worker


def test_what_is_withdrawn_while_a_worker_hesitates_is_not_begun_and_it_hesitates_once_more():
    world = World(size=1)
    worker = end_a(world)
    submit(world, "c d")
    world.cancel(["b"])
    world.pass_moment()
    assert names(worker) == []
    world.cancel(["c"])
    world.pass_moment()
    assert names(worker) == []
    world.pass_moment()
    assert names(worker) == ["d"]


def test_a_worker_that_comes_back_hesitates():
    world = World(size=1)
    worker = stop_a(world)
    world.is_late(worker)
    other = world.workers[1]
    world.end(worker, well=False)
    world.arrive(worker)
    assert other.retired
    assert names(other) == names(worker) == []
    world.pass_moment()  # the first of two that have begun
    assert names(worker) == []
    world.pass_moment()
    assert names(worker) == ["b"]


def test_a_worker_hesitates_for_so_long_at_most():
    world = World(size=1)
    worker = end_a(world)
    submit(world, " ".join(f"c{n}" for n in range(20)))
    for n in range(MOST_MOMENTS):
        assert names(worker) == []
        world.cancel([f"c{n}"])
        world.pass_moment()
    assert names(worker)[0] == "b"


def test_a_worker_does_not_hesitate_for_what_comes_when_nothing_else_waits():
    world = World(size=1)
    worker = end_a(world)
    world.cancel(["b"])
    submit(world, "c")
    assert names(worker) == ["c"]
    world.pass_moment()


def test_a_worker_does_not_hesitate_if_nothing_had_waited_or_its_job_took_too_long():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a")
    world.begin(worker)
    world.cancel(["a"])
    submit(world, "b")
    world.end(worker, well=False)
    worker.give_back()
    world.arrive(worker)
    world.arrive(worker)
    assert names(worker) == ["b"]
    submit(world, "c", key="new")
    world.begin(worker)
    world.machine.out_of_time(worker.place.sent[worker.place.number])
    world.go_on()
    world.end(worker, well=False)
    worker.give_back()
    world.arrive(worker)
    world.arrive(worker)
    assert names(worker) == ["c"]


def test_a_job_that_is_stopped_and_ends_late_has_lost_its_place_to_another_worker():
    world = World(size=1)
    worker = stop_a(world)
    world.is_late(worker)
    other = world.workers[1]
    assert names(other) == []  # as the first would
    world.pass_moment()
    assert names(other) == ["b"]
    run(world, other)
    world.end(worker, well=False)
    world.arrive(worker)
    assert worker.retired
    assert not other.retired
    world.die(worker)
    assert outcome(world, "b").task_id == "b"


def end_a_when_another_has_b(world: World) -> tuple[Worker, Worker]:
    """Let a stopped job end late; return its worker and the one in its place, which has not begun the next job."""
    worker = stop_a(world)
    world.is_late(worker)
    other = world.workers[1]
    world.pass_moment()
    world.end(worker, well=False)
    world.arrive(worker)
    return worker, other


def test_its_worker_comes_back_if_the_other_has_not_begun_anything():
    world = World(size=1)
    worker, other = end_a_when_another_has_b(world)
    assert not worker.retired
    assert names(worker) == []  # `b` is with the other
    assert other.revoking
    other.give_back()
    world.arrive(other)
    assert other.retired
    assert names(worker) == ["b"]
    world.die(other)
    run(world, worker)
    assert outcome(world, "b").task_id == "b"


def test_a_worker_that_dies_with_the_job_that_is_stopped_costs_nothing_else():
    world = World(size=1)
    worker = stop_a(world)
    world.die(worker)
    assert outcome(world, "a").reason == "cancelled"
    assert names(world.workers[0]) == ["b"]


def test_a_job_behind_another_is_cancelled_without_harm_to_that():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a b c")
    world.begin(worker)
    world.cancel(["b"])
    assert not worker.terminated
    worker.give_back()
    world.arrive(worker)
    assert outcome(world, "b").reason == "cancelled"
    world.end(worker)
    world.arrive(worker)
    assert isinstance(outcome(world, "a"), Done)
    assert names(worker) == ["c"]


# -- replacing


def test_a_worker_is_replaced_after_so_many_jobs():
    world = World(size=1, recycle=Recycle(tasks=2))
    worker = learn(world)
    submit(world, "a b c")
    assert names(worker) == ["a"]
    run(world, worker)
    assert worker.retired
    assert names(world.workers[1]) == ["b", "c"]


def test_a_worker_with_too_much_memory_gives_back_what_it_has_not_begun():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a b")
    world.begin(worker)
    world.machine.exceeded(worker.place)
    world.machine.reported([worker.place])
    world.go_on()
    assert isinstance(world.history[-1], RevokeJobs)
    worker.give_back()
    world.arrive(worker)
    world.end(worker)
    world.arrive(worker)
    assert worker.retired


@pytest.mark.parametrize("speculative", [False, True])
def test_a_job_that_cannot_travel_fails_alone(speculative):
    world = World(size=1)
    worker = learn(world)
    world.cannot_travel = {"b"}
    if speculative:
        chain(world, "a b c")
        submit(world, "a")
        assert names(worker) == ["a"]
        submit(world, "b")
    else:
        submit(world, "a b c")
        assert names(worker) == ["a", "c"]
    assert outcome(world, "b").reason == "fatal"


def test_a_worker_that_dies_while_the_other_makes_room_does_not_come_back():
    world = World(size=1)
    worker, other = end_a_when_another_has_b(world)
    world.machine.ended(worker.place)  # seen, and it has not been reaped yet
    other.give_back()
    world.arrive(other)
    world.die(worker)
    world.die(other)
    (heir,) = world.workers
    assert names(heir) == ["b"]


def test_a_worker_that_is_due_does_not_come_back():
    world = World(size=1)
    worker = stop_a(world)
    world.is_late(worker)
    other = world.workers[1]
    world.machine.replace([worker.place])
    world.end(worker, well=False)
    world.arrive(worker)
    assert worker.retired
    assert not other.retired
