"""Exact histories of a pool: what happens, and what the machine says is to be done."""

from __future__ import annotations

import sys
from types import FrameType

from alexflow.executors.interface import Done, Unsure
from alexflow.executors.process.instructions import StartPlaces, StopJob
from alexflow.executors.process.job_feed import MAX_JOBS_PER_MESSAGE
from alexflow.executors.process.machine import BLOCKED_AFTER
from alexflow.executors.process.places import Place
from alexflow.executors.process.roster import Roster
from alexflow.executors.process.runtime_estimates import SAMPLE
from tests.pool.histories import chain, learn, names, outcome, run, submit
from tests.pool.world import World

# -- which job goes where


def test_jobs_of_an_unknown_class_go_alone_and_all_places_are_used():
    world = World(size=3)
    submit(world, "a b c d e", key="new")
    assert [names(worker) for worker in world.workers] == [["a"], ["b"], ["c"]]
    assert list(world.source.queue) == ["d", "e"]


def test_no_more_places_are_started_than_there_are_jobs():
    world = World(size=3)
    submit(world, "a b")
    assert [instruction.count for instruction in world.history if isinstance(instruction, StartPlaces)] == [2]


def test_small_jobs_travel_together_in_equal_shares():
    world = World(size=2)
    learn(world)
    submit(world, "a b", key="new")  # the second place is there, and both have work
    submit(world, " ".join(f"j{n}" for n in range(40)))
    for worker in world.workers:
        world.begin(worker)
        world.end(worker)
    first, second = world.workers
    world.machine._estimates.learn("new", 0.0)
    world.arrive(first)
    world.arrive(second)
    assert abs(len(names(first)) - len(names(second))) <= 40
    assert len(names(first)) + len(names(second)) == 40


def test_no_message_is_endless():
    world = World(size=1)
    worker = learn(world)
    world.machine._estimates.learn("none", 1e-9)
    submit(world, " ".join(f"j{n}" for n in range(2000)), key="none")
    assert len(names(worker)) == MAX_JOBS_PER_MESSAGE


def test_a_job_with_a_timeout_goes_alone():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a b", timeout=1.0)
    assert names(worker) == ["a"]


def test_a_report_looks_at_its_own_place_however_many_there_are(monkeypatch):
    """With a scan of all places at each report a thousand of them took 500 µs a job."""
    looks = []
    takes_jobs = Place.takes_jobs.fget
    monkeypatch.setattr(Place, "takes_jobs", property(lambda place: looks.append(place) or takes_jobs(place)))
    world = World(size=200)
    submit(world, " ".join(f"j{n}" for n in range(600)), key="long")
    world.machine._estimates.learn("long", 1.0)
    for worker in world.workers[:5]:
        looks.clear()
        run(world, worker)
        assert len(names(worker)) == 1  # it has got the next one
        assert {place.ordinal for place in looks} == {worker.place.ordinal}
        assert len(looks) < 20


def test_idle_places_get_a_long_job_each_in_one_look_however_many_wait(monkeypatch):
    world = World(size=50)
    idle_after(world, "long", 1.0)
    looks = []
    take = world.source.take
    monkeypatch.setattr(world.source, "take", lambda limit, fits=None: looks.append(limit) or take(limit, fits))
    submit(world, " ".join(f"j{n}" for n in range(200)), key="long")
    assert [len(names(worker)) for worker in world.workers] == [1] * 50
    assert looks == [50]


def test_a_short_job_behind_long_ones_brings_others():
    world = World(size=10)
    idle_after(world, "long", 1.0)
    world.machine._estimates.learn("short", 0.0001)
    world.submit([world.job(f"j{n}", "long" if n < SAMPLE else "short") for n in range(SAMPLE + 100)])
    assert [len(names(worker)) == 1 for worker in world.workers] == [True] * SAMPLE + [False] * 2


def idle_after(world: World, key: str, seconds: float) -> None:
    """Let all places have run a job of a key that takes so long."""
    submit(world, " ".join(f"first{n}" for n in range(world.machine.roster.size)), key=key)
    for worker in world.workers:
        run(world, worker)
    world.machine._estimates.seconds[key] = seconds


# -- head-of-line blocking


def test_jobs_behind_a_long_one_are_revoked_uncharged_and_stay_the_first():
    world = World(size=2)
    worker = learn(world)
    submit(world, "a b c")
    world.begin(worker)
    submit(world, " ".join(f"j{n}" for n in range(3)), key="new")
    world.now += 2 * BLOCKED_AFTER
    world.machine.tick()
    world.go_on()
    assert worker.revoking
    other = world.workers[1]
    assert len(names(other)) == 1
    worker.give_back()
    world.arrive(worker)
    assert names(worker) == ["a"]
    assert list(world.source.queue)[:2] == ["b", "c"]
    assert all(not world.ready[name].outcomes for name in "abc")
    run(world, other)
    assert names(other)[:2] == ["b", "c"]


def test_a_worker_that_is_blocked_gets_more_when_the_long_job_has_ended():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a b")
    world.begin(worker)
    world.now += 2 * BLOCKED_AFTER
    world.machine.tick()
    world.go_on()
    worker.give_back()
    world.arrive(worker)
    assert names(worker) == ["a"]
    world.end(worker)
    world.arrive(worker)
    assert names(worker) == ["b"]


def test_who_reports_is_not_blocked():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a b c")
    world.now += 2 * BLOCKED_AFTER
    run(world, worker)
    world.machine.tick()
    world.go_on()
    assert not worker.revoking


# -- speculation


def test_a_chain_is_sent_ahead_and_reported_link_by_link():
    world = World(size=1)
    worker = learn(world)
    chain(world, "a b c")
    submit(world, "a")
    assert names(worker) == ["a", "b", "c"]
    run(world, worker, many=3)
    assert "b" not in world.ready
    submit(world, "b")
    assert isinstance(outcome(world, "b"), Done)
    assert world.started["b"] == 1


def test_what_was_sent_while_others_waited_is_not_looked_through_for_what_comes_next():
    def calls(many: int) -> int:
        world = World(size=1)
        worker = learn(world)
        count = 0

        def look(frame: FrameType, event: str, argument: object) -> None:
            nonlocal count
            count += event == "c_call" and frame.f_code.co_name == "_add_successors"

        submit(world, " ".join(f"j{number}" for number in range(many)))
        sys.setprofile(look)
        try:
            while len(world.source.queue):
                run(world, worker)
        finally:
            sys.setprofile(None)
        return count

    assert 0 < calls(2000) < 2 * calls(200)


def test_what_has_succeeded_ahead_is_collected_and_not_reported():
    world = World(size=1)
    worker = learn(world)
    chain(world, "a b c")
    submit(world, "a")
    run(world, worker, many=3)
    assert world.source.ahead == [["b", "c"]]
    assert [done.task_id for done in world.machine.collect(["b", "c"])] == ["b", "c"]
    assert world.machine.collect(["b", "c"]) == []
    assert world.machine.assigned == {}
    assert not world.machine.speculates


def test_what_is_to_replace_outputs_is_not_said_to_have_succeeded_ahead():
    world = World(size=1)
    worker = learn(world)
    world.successors["a"] = world.job("b", replace=True)
    submit(world, "a", replace=True)
    run(world, worker, many=2)
    assert world.source.ahead == []


def test_what_comes_after_a_failed_job_is_not_run_and_may_come_again():
    world = World(size=1)
    worker = learn(world)
    chain(world, "a b")
    submit(world, "a")
    world.begin(worker)
    world.end(worker, well=False)
    world.arrive(worker)
    assert names(worker) == []
    world.begin(worker)
    assert world.started["b"] == 0
    submit(world, "b")  # as another engine has made its input
    assert names(worker) == ["b"]


def test_what_will_never_be_ready_is_stopped():
    world = World(size=1)
    worker = learn(world)
    chain(world, "a b")
    submit(world, "a")
    run(world, worker)
    world.begin(worker)
    world.forget(["b"])
    assert any(isinstance(each, StopJob) for each in world.history)
    assert worker.terminated
    world.die(worker)
    assert world.machine.assigned == {}


def test_a_speculative_job_whose_worker_died_is_unsure_once_it_is_ready():
    world = World(size=1)
    worker = learn(world)
    chain(world, "a b")
    submit(world, "a")
    run(world, worker)
    world.begin(worker)
    world.die(worker)
    submit(world, "b")
    assert outcome(world, "b") == Unsure("b")


def test_a_speculative_job_that_is_to_replace_outputs_now_runs_again():
    world = World(size=1)
    worker = learn(world)
    chain(world, "a b")
    submit(world, "a")
    run(world, worker, many=2)
    submit(world, "b", replace=True)
    assert not world.ready["b"].outcomes
    assert names(worker) == ["b"]


# -- priority


def test_what_waits_at_a_place_makes_way_for_what_is_more_urgent():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a b c d", priority=-10)
    world.begin(worker)
    submit(world, "urgent also")
    assert names(worker) == ["a", "b", "c", "d"]
    assert worker.revoking
    worker.give_back()
    world.arrive(worker)
    assert names(worker) == ["a", "urgent", "also"]
    world.end(worker)
    run(world, worker)
    assert names(worker) == ["also"]
    run(world, worker)
    assert names(worker) == ["b", "c", "d"]
    run(world, worker, many=3)
    assert world.open == []


def test_what_is_as_urgent_does_not():
    world = World(size=1)
    worker = learn(world)
    submit(world, "a b c d", priority=-10)
    submit(world, "e", priority=-10)
    assert not worker.revoking


def test_places_are_not_looked_through_where_nothing_is_more_urgent(monkeypatch):
    world = World(size=200)
    submit(world, " ".join(f"j{n}" for n in range(300)), key="long")
    looks = []
    holding_up = Roster.holding_up
    monkeypatch.setattr(Roster, "holding_up", lambda *arguments: looks.append(0) or holding_up(*arguments))
    submit(world, "another", key="long")
    assert not looks
    submit(world, "urgent", key="long", priority=1)
    assert looks


def test_an_idle_place_takes_what_is_urgent():
    world = World(size=2)
    worker = learn(world)
    submit(world, "a", priority=-10)
    submit(world, "b", priority=-10)
    world.begin(worker)
    submit(world, "urgent")
    assert not worker.revoking
    assert "urgent" in [name for worker in world.workers for name in names(worker)]


def test_a_reserved_place_is_for_what_is_not_below_0():
    world = World(size=2, reserve=1)
    first = learn(world)
    submit(world, " ".join(f"bulk{n}" for n in range(200)), priority=-1)
    with_bulk = [worker for worker in world.workers if names(worker)]
    assert with_bulk == [first]
    submit(world, "urgent")
    (other,) = [worker for worker in world.workers if worker is not first]
    assert names(other) == ["urgent"]
    run(world, other)
    assert names(other) == []
    run(world, first, many=len(names(first)))
    assert names(first)
    assert names(other) == []
