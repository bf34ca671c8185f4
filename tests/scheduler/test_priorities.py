"""Priorities: a task has the highest of all that want it, and goes before those that have a lower one."""

from __future__ import annotations

from collections import deque
from random import Random

import pytest

from alexflow.scheduler.instructions import Resume
from tests.scheduler.harness import Harness, start, without_places


def priorities(h: Harness) -> dict[str, int]:
    return {task_id: node.priority for task_id, node in h.scheduler.state.nodes.items()}


def test_the_more_urgent_goes_first_and_then_what_waits_longest():
    h = without_places("A B C D E")
    h.plan("a b", run_id=1, priority=-10)
    h.plan("c", run_id=2)
    h.plan("d", run_id=3, priority=5)
    h.plan("e", run_id=4)
    assert h.queued == "D C E A B"


def test_what_a_task_needs_has_its_priority():
    h = without_places("X")
    h.chain("A", "B", "C")
    h.plan("x", run_id=1)
    h.plan("c", run_id=2, priority=3)
    assert priorities(h) == {"A": 3, "B": 3, "C": 3, "X": 0}
    assert h.queued == "A X"


def test_a_more_urgent_request_raises_what_is_known_already():
    h = without_places("X Y")
    h.chain("A", "B", "C")
    h.plan("c", run_id=1, priority=-10)
    h.plan("x", run_id=2)
    assert h.queued == "X A"
    h.ask(3, "b", priority=1)
    assert h.queued == "A X"
    assert priorities(h) == {"A": 1, "B": 1, "C": -10, "X": 0}
    h.plan("y", run_id=4)
    assert h.queued == "A X Y"


def test_a_task_that_is_raised_is_the_last_of_its_new_priority():
    h = without_places("A B C")
    h.plan("a b", run_id=1, priority=-1)
    h.plan("c", run_id=2)
    h.ask(3, "a")
    assert h.queued == "C A B"


def test_a_less_urgent_request_changes_nothing():
    h = without_places("A B")
    h.plan("a", run_id=1, priority=2)
    h.ask(2, "a", priority=-2)
    h.plan("b", run_id=3)
    assert h.queued == "A B"


def test_a_class_has_a_priority_where_the_request_says_none():
    h = without_places("X")
    h.task("A", priority=4)
    h.task("B", "a")
    h.task("C", priority=-4)
    h.plan("x", run_id=1)
    h.plan("b", run_id=2)
    h.plan("c", run_id=3)
    assert priorities(h) == {"X": 0, "A": 4, "B": 0, "C": -4}
    assert h.queued == "A X C"


def test_a_request_says_more_than_a_class():
    h = without_places("X")
    h.task("A", priority=4)
    h.plan("a", run_id=1, priority=-10)
    h.plan("x", run_id=2)
    assert h.queued == "X A"
    h.ask(3, "a")  # which says none, so the class counts
    assert h.queued == "A X"


def test_what_a_class_of_low_priority_needs_has_no_more_than_that():
    h = without_places("X")
    h.task("A")
    h.task("B", "a", priority=-5)
    h.plan("b", run_id=1)
    h.plan("x", run_id=2)
    assert h.queued == "X A"


def test_tasks_of_a_dynamic_one_have_its_priority():
    h = without_places("X A B")
    h.task("D", makes="d", dynamic=True)
    h.plan("x", run_id=1)
    h.plan("d", run_id=2, priority=7)
    h.gave("D", "A", last=False)
    h.look(incomplete="A")
    assert h.queued == "A X"
    h.ask(3, "d", priority=9)
    assert priorities(h)["A"] == 9


def test_what_is_put_back_is_the_first_of_its_priority():
    h = without_places("A B C")
    h.plan("a b", run_id=1, priority=-1)
    h.begin("A")
    h.plan("c", run_id=2)
    h.back("A")
    assert h.queued == "C A B"


def test_the_more_urgent_gets_the_slot_first():
    h = Harness(limits={"gpu": 1})
    for name in "ABCD":
        h.task(name, tags="gpu")
    h.plan("a b", run_id=1, priority=-1)
    h.plan("c", run_id=2)
    h.plan("d", run_id=3, priority=1)
    assert h.done("A")[0] == start("D")
    assert h.done("D")[0] == start("C")


def test_a_task_in_line_for_a_slot_is_raised():
    h = Harness(limits={"gpu": 1})
    for name in "ABC":
        h.task(name, tags="gpu")
    h.plan("a b", run_id=1, priority=-1)
    h.plan("c", run_id=2, priority=-1)
    h.ask(3, "c", priority=1)
    assert h.done("A")[0] == start("C")


def test_raising_many_takes_several_turns():
    h = without_places(steps=3)
    h.chain(*"ABCDEFGH")
    h.plan("h", run_id=1)
    while h.resume():
        pass
    assert h.ask(2, "h", priority=5) == [Resume()]
    assert priorities(h) == {**dict.fromkeys("ABCDE", 0), **dict.fromkeys("FGH", 5)}
    while h.resume():
        pass
    assert set(priorities(h).values()) == {5}


def test_tenants_take_turns_and_the_newcomer_begins_within_two():
    h = without_places()
    many = [f"T{n}" for n in range(300)]
    for name in (*many, "U", "V"):
        h.task(name)
    h.plan(" ".join(name.lower() for name in many), run_id=1, fairness_key="t")
    h.begin("T0")
    h.plan("u", run_id=2, fairness_key="u")
    h.plan("v", run_id=3)
    assert h.queued.split()[:5] == ["V", "T1", "U", "T2", "T3"]  # without a key is a place in each round, too
    h.begin("V T1")
    assert h.queued.split()[:3] == ["U", "T2", "T3"]


def test_a_key_has_no_advantage_from_many_requests():
    h = without_places("A B C D X")
    for number, name in enumerate("abcd"):
        h.plan(name, run_id=number, fairness_key="t")
    h.plan("x", run_id=9, fairness_key="u")
    assert h.queued == "A X B C D"


def test_a_shared_task_is_charged_to_the_first():
    h = without_places("A B")
    h.plan("a b", run_id=1, fairness_key="t")
    h.ask(2, "b", fairness_key="u")
    assert {node.fairness_key for node in h.scheduler.state.nodes.values()} == {"t"}


def test_tenants_take_turns_for_slots():
    h = Harness(limits={"api": 1})
    many = [f"T{n}" for n in range(200)]
    for name in (*many, "U"):
        h.task(name, tags="api")
    h.plan(" ".join(name.lower() for name in many), run_id=1, fairness_key="t")
    for n in range(50):
        h.done(f"T{n}")
    h.plan("u", run_id=2, fairness_key="u")
    started = [h.done("T50")[0], *(h.done(task)[0] for task in ("T51",))]
    assert start("U") in started


@pytest.mark.parametrize("seed", range(20))
def test_each_tenant_gets_its_share_whatever_the_others_do(seed: int) -> None:
    """Between two tasks of a tenant that has some waiting, no other begins more than one and one in the round."""
    random = Random(seed)
    h = without_places()
    keys = [f"k{n}" for n in range(random.randint(2, 5))]
    waiting: dict[str, deque[str]] = {key: deque() for key in keys}
    for run_id in range(60):
        key = random.choice(keys)
        names = [f"N{run_id}x{n}" for n in range(random.choice([1, 1, 2, 30]))]
        for name in names:
            h.task(name)
        h.plan(" ".join(name.lower() for name in names), run_id=run_id, fairness_key=key)
        waiting[key].extend(names)
        passed: dict[str, int] = dict.fromkeys(keys, 0)
        for _ in range(random.randint(0, 12)):
            if not h.queued:
                break
            first = h.queued.split()[0]
            (owner,) = [key for key, names in waiting.items() if first in names]
            assert waiting[owner].popleft() == first  # in the order in which they came
            passed[owner] = 0
            for other in keys:
                if other != owner and waiting[other]:
                    passed[other] += 1
                    assert passed[other] < len(keys), f"{other} was passed over for a whole round"
            h.begin(first)
