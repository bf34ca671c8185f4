"""Reports of running tasks are in the display."""

from __future__ import annotations

from alexflow.events import TaskReported, TasksPlanned, TaskStarted, TaskSucceeded
from alexflow.progress.tally import Progress
from alexflow.progress.text import line


def test_the_last_report_of_a_running_task_is_shown() -> None:
    progress = Progress()
    progress.add(TasksPlanned(("m.Train.1", "m.Train.2")), 0.0)
    for task_id in ("m.Train.1", "m.Train.2"):
        progress.add(TaskStarted(task_id), 0.0)
    assert "Train 0/2" in line(progress, 1.0)
    values = {"loss": 0.123456, "name": "x", "n": 3, "more": 1}
    progress.add(TaskReported("m.Train.1", step=3, of=10, values=values), 1.0)
    assert "Train 0/2 (step 3/10, loss 0.1235, name x, n 3)" in line(progress, 1.0)
    progress.add(TaskReported("m.Train.2", step=1200), 1.0)
    assert "Train 0/2 (step 1,200)" in line(progress, 1.0)
    progress.add(TaskSucceeded("m.Train.1", 1.0), 2.0)
    assert "(step 1,200)" in line(progress, 2.0)
    progress.add(TaskSucceeded("m.Train.2", 1.0), 2.0)
    assert "step" not in line(progress, 2.0)
