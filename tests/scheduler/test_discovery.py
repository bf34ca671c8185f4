"""Discovery leads from a target back to what is missing, and no further."""

from __future__ import annotations

from alexflow.scheduler.instructions import Finish, Resume, Start
from tests.scheduler.harness import Harness, forget, inspect, start, verify


def test_a_target_that_exists_costs_one_look() -> None:
    h = Harness()
    assert h.ask(1, "a") == [inspect("a")]
    assert h.look(present="a", found="A") == [Finish(1, cached=1)]
    assert h.empty


def test_asking_for_nothing() -> None:
    h = Harness()
    assert h.ask(1) == [Finish(1)]
    assert h.empty


def test_a_chain() -> None:
    h = Harness()
    h.chain("A", "B", "C")
    assert h.ask(1, "c") == [inspect("c")]
    assert h.look("c") == [inspect("b")]
    assert h.look("b") == [inspect("a")]
    assert h.look("a") == [start("A")]
    assert h.done("A") == [start("B"), forget("A")]
    assert h.done("B") == [start("C"), forget("B")]
    assert h.done("C") == [verify(1, "c"), forget("C")]
    assert h.seen(1) == [Finish(1, ran=3)]
    assert h.empty


def test_an_answer_may_be_about_inputs_that_would_be_asked_about_next() -> None:
    h = Harness()
    h.chain("A", "B", "C", "D")
    h.ask(1, "d")
    assert h.look("d c b") == [inspect("a")]
    assert h.look("a") == [start("A")]
    h.done("A")
    h.done("B")
    h.done("C")
    assert h.done("D") == [verify(1, "d"), forget("D")]


def test_what_nothing_asks_about_is_passed_over_in_an_answer() -> None:
    h = Harness()
    h.chain("A", "B", "C")
    h.task("X")
    h.ask(1, "c")
    assert h.look("c x a") == [inspect("b")]
    assert h.look("b") == [inspect("a")]


def test_nothing_before_an_existing_output_is_looked_at() -> None:
    h = Harness()
    h.chain("A", "B", "C")
    assert h.ask(1, "c") == [inspect("c")]
    assert h.look("c") == [inspect("b")]
    assert h.look(present="b", found="B") == [start("C")]
    h.done("C")
    assert h.seen(1) == [Finish(1, ran=1, cached=1)]
    assert h.empty


def test_a_diamond_runs_its_root_once() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a")
    h.task("C", "a")
    h.task("D", "b c")
    assert h.ask(1, "d") == [inspect("d")]
    assert h.look("d") == [inspect("b c")]
    assert h.look("b") == [inspect("a")]
    assert h.look("c") == []
    assert h.look("a") == [start("A")]
    assert h.done("A") == [start("B C"), forget("A")]
    assert h.done("C") == [forget("C")]
    assert h.done("B") == [start("D"), forget("B")]
    h.done("D")
    assert h.seen(1) == [Finish(1, ran=4)]
    assert h.empty


def test_nothing_starts_before_all_is_known() -> None:
    h = Harness()
    h.task("A")
    h.chain("B", "C")
    h.ask(1, "a c")
    assert h.look("a") == []
    assert h.look("c") == [inspect("b")]
    assert h.look("b") == [start("A B")]


def test_of_several_outputs_some_exist() -> None:
    h = Harness()
    h.task("A", makes="a1 a2")
    h.task("B", "a1")
    h.task("C", "a2")
    h.ask(1, "b c")
    assert h.look("b c") == [inspect("a1 a2")]
    assert h.look("a1", present="a2", found="A") == [start("C A")]
    assert h.done("A") == [start("B"), forget("A")]
    assert h.done("B C") == [verify(1, "b c"), forget("B C")]
    assert h.seen(1) == [Finish(1, ran=3, cached=1)]
    assert h.empty


def test_an_output_of_a_task_that_must_run_is_looked_at_before_it_is_waited_for() -> None:
    h = Harness()
    h.task("A", makes="a1 a2")
    h.task("B", "a2")
    h.ask(1, "a1 b")
    assert h.look("a1") == []
    assert h.look("b") == [inspect("a2")]
    assert h.look(present="a2") == [start("A B")]


def test_an_output_that_is_published_while_it_is_asked_about() -> None:
    h = Harness()
    h.task("A", makes="a1 a2")
    h.task("B", "a2")
    h.plan("a1")
    assert h.ask(2, "b") == [inspect("b")]
    assert h.look("b") == [inspect("a2")]
    assert h.done("A") == [start("B"), verify(1, "a1"), forget("A")]
    assert h.look("a2") == []  # what was true when it was looked at
    assert h.seen(1) == [Finish(1, ran=1)]
    h.done("B")
    assert h.seen(2) == [Finish(2, ran=1)]
    assert h.empty


def test_a_task_without_outputs_runs_whenever_it_is_asked_for() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a", makes="")
    for run_id in (1, 2):
        assert h.ask(run_id, tasks="B") == [inspect("", "B")]
        assert h.look(incomplete="B") == [inspect("a")]
        assert h.look(present="a", found="A") == [start("B")]
        assert h.done("B") == [Finish(run_id, ran=1, cached=1), forget("B")]
        assert h.empty


def test_a_task_that_is_done_already() -> None:
    h = Harness()
    h.task("A")
    assert h.ask(1, tasks="A") == [inspect("", "A")]
    assert h.look(complete="A", found="A") == [Finish(1, cached=1)]
    assert h.empty


def test_a_task_as_a_target_is_verified_with_all_its_outputs() -> None:
    h = Harness()
    h.task("A", makes="a1 a2")
    h.ask(1, tasks="A")
    assert h.look(incomplete="A") == [start("A")]
    assert h.done("A") == [verify(1, "a1 a2"), forget("A")]
    assert h.seen(1) == [Finish(1, ran=1)]


def test_a_task_and_its_output_asked_for_together() -> None:
    h = Harness()
    h.task("A")
    assert h.ask(1, "a", "A") == [inspect("a", "A")]
    assert h.look("a") == [start("A")]
    assert h.look(incomplete="A") == []  # it is known by now
    assert h.done("A") == [verify(1, "a"), forget("A")]
    assert h.seen(1) == [Finish(1, ran=1)]
    assert h.empty


def test_a_task_and_its_output_given_up_before_all_answers_are_in() -> None:
    h = Harness()
    h.task("A")
    h.ask(1, "a", "A")
    h.look("a")
    h.cancel(1)
    h.ended("A")
    assert h.look(incomplete="A") == []
    assert h.empty


def test_an_inspection_fails() -> None:
    h = Harness()
    h.chain("A", "B")
    h.task("C")
    h.ask(1, "b")
    h.ask(2, "c")
    h.look("b")
    (finish, forgotten) = h.cannot_look("a")
    assert isinstance(finish, Finish)
    assert (finish.run_id, str(finish.error)) == (1, "no luck")
    assert forgotten == forget("B")
    assert h.look("c") == [start("C")]


def test_an_inspection_fails_again_while_others_still_hold_the_key() -> None:
    h = Harness()
    h.task("A")
    h.task("B", "a")
    h.task("C", "a")
    h.ask(1, "b")
    h.ask(2, "c")
    h.look("b c")
    assert h.look(present="a") == [start("B C")]
    assert h.lost("B", "a") == [inspect("a")]
    (finish, _) = h.cannot_look("a")
    assert isinstance(finish, Finish)
    assert finish.run_id == 1
    assert h.lost("C", "a") == [inspect("a")]  # not taken for known
    assert h.look("a") == [start("A")]


def test_a_search_in_small_steps() -> None:
    h = Harness(steps=1)
    h.chain("A", "B", "C")
    instructions = h.plan("c")
    turns = 0
    while start("A") not in instructions:
        instructions = h.resume()
        turns += 1
    assert turns > 5


def test_a_search_begins_again_when_another_request_meets_it() -> None:
    h = Harness(steps=1)
    h.chain("A", "B", "C")
    h.task("D", "b")
    h.plan("c")
    h.resume()
    h.resume()
    h.ask(2, "d")
    assert start("A") not in h.look("d")
    started = []
    for _ in range(30):
        started += [instruction for instruction in h.resume() if isinstance(instruction, Start)]
    assert started == [start("A")]
    assert h.done("A") == [start("B"), forget("A")]
    assert h.done("B") == [start("C"), Resume(), forget("B")]
    assert h.resume() == [start("D")]


def test_one_further_turn_is_asked_for_at_a_time() -> None:
    h = Harness(steps=1)
    h.chain("A", "B", "C")
    h.task("D")
    assert [type(instruction).__name__ for instruction in h.plan("c")] == ["Resume"]
    assert h.ask(2, "d") == [inspect("d")]
    assert h.look("d") == []


def test_a_task_started_before_its_group_met_another_is_no_cycle() -> None:
    h = Harness(steps=2)
    h.task("X")
    h.task("A")
    h.task("B", "x")
    h.task("C", "b")
    h.ask(1, "a b c")
    h.look("a b c")
    h.look(present="x")
    while start("A B") not in (instructions := h.resume()):
        assert instructions
    h.lost("B", "x")
    h.ask(2, "c")
    instructions = h.look("x")
    for _ in range(20):
        instructions += h.resume()
    assert start("X") in instructions
    assert not [instruction for instruction in instructions if isinstance(instruction, Finish)]


# -- what comes next


def test_followers_miss_nothing_else() -> None:
    h = Harness()
    h.chain("A", "B", "C")
    h.task("D", "a b")
    h.task("E", "a x")
    h.task("X")
    h.plan("c d e")
    assert list(h.scheduler.successors_of("A")) == ["B"]
    assert list(h.scheduler.successors_of("B")) == ["C"]
    assert h.scheduler.may_have_successors(["D", "B"])
    assert not h.scheduler.may_have_successors(["C", "D", "E", "unknown"])
    h.done("A")
    assert list(h.scheduler.successors_of("B")) == ["C", "D"]
    assert list(h.scheduler.successors_of("X")) == ["E"]
    assert list(h.scheduler.successors_of("A")) == []
    assert h.done("B") == [start("C D"), forget("B")]


def test_no_followers_that_something_else_holds_back() -> None:
    h = Harness(limits={"gpu": 1})
    h.task("A")
    h.task("B", "a", tags="gpu")
    h.task("C", "a", dynamic=True)
    h.task("D", "a")
    h.plan("b c")
    h.ask(2, "d")
    h.look("d")
    assert list(h.scheduler.successors_of("A")) == ["D"]
    h.task("E", "a z")
    h.ask(3, "e")
    h.look("e")  # Z is not known yet
    assert list(h.scheduler.successors_of("A")) == ["D"]


def test_not_many_followers_are_looked_for() -> None:
    h = Harness()
    h.task("A")
    names = [f"R{number}" for number in range(100)]
    for name in names:
        h.task(name, "a")
    h.plan(" ".join(name.lower() for name in names))
    assert len(list(h.scheduler.successors_of("A"))) == 4
