"""The wording of progress."""

import pytest

from alexflow.events import (
    RunFinished,
    RunStarted,
    TaskCancelled,
    TaskGivenUp,
    TaskRetrying,
    TasksFound,
    TasksPlanned,
    TaskStarted,
    TaskSucceeded,
)
from alexflow.progress import text
from alexflow.progress.tally import Failure, Progress


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0 µs"),
        (0.00015, "150 µs"),
        (0.034, "34.0 ms"),
        (3.2, "3.20 s"),
        (12.34, "12.3 s"),
        (99.96, "1 min 40 s"),
        (245, "4 min 05 s"),
        (7380, "2 h 03 min"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert text.duration(seconds) == expected


@pytest.mark.parametrize(("rate", "expected"), [(0.0, ""), (0.5, "30.0/min"), (2.5, "2.5/s"), (12345.6, "12,346/s")])
def test_rates(rate: float, expected: str) -> None:
    assert text.rate(rate) == expected


def test_class_names_are_short_where_that_is_clear() -> None:
    names = text.short_names(["a.Load", "b.Load", "b.Train"])
    assert names == {"a.Load": "a.Load", "b.Load": "b.Load", "b.Train": "Train"}


def at_work() -> Progress:
    progress = Progress()
    progress.add(RunStarted(1), 0.0)
    progress.add(TasksFound(2), 0.0)
    progress.add(TasksPlanned(("m.Fetch.1", "m.Fetch.2", "m.Fetch.3", "m.Parse.1")), 0.0)
    progress.add(TaskStarted("m.Fetch.1"), 0.0)
    progress.add(TaskStarted("m.Fetch.2"), 0.0)
    progress.add(TaskRetrying("m.Fetch.2", 1, "OSError: no", 1.0), 1.0)
    progress.add(TaskSucceeded("m.Fetch.1", 1.0), 2.0)
    return progress


def test_a_line() -> None:
    line = text.line(at_work(), now=4.0)
    assert line == "1 done, 0 under way, 3 waiting, 2 cached, 1 retried; 15.0/min; Fetch 1/3 · Parse 0/1"


def test_a_line_names_few_classes() -> None:
    progress = Progress()
    progress.add(TasksPlanned(tuple(f"m.C{n}.1" for n in range(8))), 0.0)
    assert text.line(progress, 0.0).endswith("C4 0/1 · 3 more")


def test_a_failure() -> None:
    assert text.failure(Failure("m.A.1", 1, "ValueError: no")) == "m.A.1 failed: ValueError: no"
    assert text.failure(Failure("m.A.1", 3, "ValueError: no")) == "m.A.1 failed after 3 attempts: ValueError: no"


def test_summary_of_a_run_that_found_everything() -> None:
    progress = Progress()
    progress.add(RunFinished(0, 12, 0, 0, 0.05), 0.0)
    assert text.summary(progress, 1.0) == ["nothing to run, 12 cached, 50.0 ms"]


def test_summary_names_the_classes_that_took_longest() -> None:
    progress = at_work()
    progress.add(TaskSucceeded("m.Fetch.2", 3.0), 5.0)
    progress.add(TaskSucceeded("m.Parse.1", 9.0), 5.0)
    progress.add(TaskGivenUp("m.Fetch.3", 1, "OSError: no"), 5.0)
    progress.add(RunFinished(3, 2, 1, 4, 5.0), 5.0)
    assert text.summary(progress, 6.0) == [
        "3 ran, 2 cached, 1 failed, 4 skipped in 5.00 s",
        "  Parse  1 took 9.00 s",
        "  Fetch  2 took 4.00 s, 2.00 s each, 3.00 s at most",
    ]


def test_summary_of_many_classes_adds_up_the_rest() -> None:
    progress = Progress()
    for n in range(7):
        progress.add(TaskSucceeded(f"m.C{n}.1", 7.0 - n), 1.0)
    progress.add(RunFinished(7, 0, 0, 0, 5.0), 5.0)
    assert text.summary(progress, 6.0)[-1] == "  2 more: 2 ran, 3.00 s"


def test_summary_of_a_run_that_was_cancelled() -> None:
    progress = at_work()
    assert text.summary(progress, 3.0)[0] == "stopped after 3.00 s: 1 ran, 3 did not end"
    progress.add(TaskGivenUp("m.Fetch.2", 2, "OSError: no"), 3.0)
    progress.add(TaskCancelled("m.Fetch.3"), 3.0)
    progress.add(RunFinished(1, 2, 1, 0, 3.0, outcome="cancelled"), 3.0)
    progress.add(TaskCancelled("m.Parse.1"), 3.0)
    assert text.summary(progress, 3.0)[0] == "stopped after 3.00 s: 1 ran, 1 failed, 2 did not end"
