"""Progress is folded from events: events in, counts out. No engine, no clock, no terminal."""

from alexflow.events import (
    EngineEvent,
    InputsVanished,
    OutputsRemoved,
    RunFinished,
    RunStarted,
    TaskGivenUp,
    TaskRetrying,
    TasksFound,
    TasksPlanned,
    TaskStarted,
    TaskSucceeded,
)
from alexflow.progress.tally import FAILURES_KEPT, Progress


def fold(*events: EngineEvent) -> Progress:
    """One event a second."""
    progress = Progress()
    for now, event in enumerate(events):
        progress.add(event, float(now))
    return progress


def numbers(progress: Progress, name: str) -> dict[str, int]:
    tally = progress.classes[name]
    counts = {word: getattr(tally, word) for word in ("planned", "waiting", "under_way", "done", "failed", "retried")}
    return {word: number for word, number in counts.items() if number}


def test_a_task_from_plan_to_done() -> None:
    events = [RunStarted(1), TasksPlanned(("m.A.1", "m.A.2")), TaskStarted("m.A.1"), TaskSucceeded("m.A.1", 0.5)]
    assert numbers(fold(*events[:2]), "m.A") == {"planned": 2, "waiting": 2}
    assert numbers(fold(*events[:3]), "m.A") == {"planned": 2, "waiting": 1, "under_way": 1}
    assert numbers(fold(*events), "m.A") == {"planned": 2, "waiting": 1, "done": 1}


def test_classes_are_told_apart_and_added_up() -> None:
    progress = fold(
        TasksPlanned(("m.A.1", "m.B.1", "other.A.1")),
        TaskStarted("m.A.1"),
        TaskStarted("m.B.1"),
        TaskSucceeded("m.A.1", 2.0),
        TaskSucceeded("m.B.1", 3.0),
    )
    assert list(progress.classes) == ["m.A", "m.B", "other.A"]
    total = progress.total()
    assert (total.planned, total.done, total.waiting, total.worked, total.slowest) == (3, 2, 1, 5.0, 3.0)


def test_a_task_may_start_before_it_is_told_to_be_planned() -> None:
    progress = fold(TaskStarted("m.A.1"), TasksPlanned(("m.A.1",)))
    assert numbers(progress, "m.A") == {"planned": 1, "under_way": 1}


def test_an_attempt_that_is_repeated_counts_once() -> None:
    progress = fold(
        TasksPlanned(("m.A.1",)),
        TaskStarted("m.A.1"),
        TaskRetrying("m.A.1", 1, "ValueError: no", 1.0),
        TaskStarted("m.A.1"),
        TaskSucceeded("m.A.1", 0.1),
    )
    assert numbers(progress, "m.A") == {"planned": 1, "done": 1, "retried": 1}


def test_failures_are_counted_and_the_first_are_kept() -> None:
    many = FAILURES_KEPT + 5
    ids = tuple(f"m.A.{n}" for n in range(many))
    progress = fold(TasksPlanned(ids), *(TaskGivenUp(task_id, 1, "ValueError: no") for task_id in ids))
    assert numbers(progress, "m.A") == {"planned": many, "failed": many}
    assert [failure.task_id for failure in progress.failures] == list(ids[:FAILURES_KEPT])


def test_a_task_whose_inputs_vanished_waits_again() -> None:
    progress = fold(TasksPlanned(("m.A.1",)), TaskStarted("m.A.1"), InputsVanished("m.A.1", ("key",)))
    assert numbers(progress, "m.A") == {"planned": 1, "waiting": 1}


def test_cached_tasks_are_counted_as_they_are_found() -> None:
    assert fold(TasksFound(3), TasksFound(4)).cached == 7


def test_nothing_is_running_when_the_run_is_over() -> None:
    end = RunFinished(0, 0, 0, 0, 1.0)
    progress = fold(TasksPlanned(("m.A.1",)), TaskStarted("m.A.1"), end)
    assert progress.finished == end
    assert progress.total().under_way == 0


def test_other_events_change_nothing() -> None:
    assert fold(OutputsRemoved(("key",))) == Progress()


def test_rate_goes_from_the_first_start_to_now_and_stops_with_the_last_end() -> None:
    progress = fold(
        TasksPlanned(("m.A.1", "m.A.2")),  # at 0
        TaskStarted("m.A.1"),
        TaskStarted("m.A.2"),
        TaskSucceeded("m.A.1", 1.0),
    )
    tally = progress.classes["m.A"]
    assert tally.rate(now=5.0) == 1 / 4
    progress.add(TaskSucceeded("m.A.2", 1.0), 5.0)
    assert tally.rate(now=5.0) == tally.rate(now=500.0) == 2 / 4


def test_rate_before_anything_started() -> None:
    assert fold(TasksPlanned(("m.A.1",))).classes["m.A"].rate(9.0) == 0.0
