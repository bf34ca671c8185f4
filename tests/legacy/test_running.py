"""``run_job``, ``run_workflow`` and the helpers, called as in 1.x."""

from __future__ import annotations

import pytest

from alexflow.adapters.executor.alexflow import Termination, run_job, run_workflow
from alexflow.adapters.storage.composite_storage import CompositeStorage, ReadOnlyAccess
from alexflow.adapters.storage.local_storage import LocalStorage
from alexflow.core import NotFound, Workflow
from alexflow.helper import (
    exists_output,
    flatten,
    is_completed,
    load_output,
    remove_output,
    run_task,
    workflow_to_task_map,
)
from alexflow.testing.tasks import DynamicTask1, Task1, Task2
from tests.legacy.jobs import Built, Failing, Limited, Spied


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(base_path=str(tmp_path / "results"))


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_run_job(storage, n_jobs):
    task = Task2(parent=Task1().output())
    run_job(task, storage, n_jobs=n_jobs)
    assert load_output(task.output(), storage) == {"name": "task2"}
    assert is_completed(task, storage)


def test_run_job_with_one_job_stays_in_this_process(storage):
    Spied.seen.clear()
    run_job([Spied(number=number) for number in range(3)], storage, n_jobs=1)
    assert Spied.seen == [0, 1, 2]


def test_run_job_with_a_dynamic_task(storage):
    task = DynamicTask1(parent=Task1(name="given").output())
    run_job(task, storage, n_jobs=2)
    assert load_output(task.output(), storage) == {"name": "given"}


def test_six_roots_that_share_a_tag_all_run_and_never_two_at_once(storage, tmp_path):
    """Row 26 of the list of faults: 1.1.4 ran one of the six, and said nothing."""
    log = tmp_path / "log"
    tasks = [Limited(number=number, log=str(log)) for number in range(6)]
    run_job(tasks, storage, n_jobs=2, resources={"r": 1})
    assert all(exists_output(task.output(), storage) for task in tasks)
    lines = log.read_text().splitlines()
    assert len(lines) == 12
    assert all(begin.replace("begin", "end") == end for begin, end in zip(lines[::2], lines[1::2], strict=True))


def test_a_failure_with_one_job_is_the_task_s_own(storage):
    with pytest.raises(ZeroDivisionError):
        run_job(Failing(), storage, n_jobs=1)


def test_a_failure_with_several_jobs_is_a_termination(storage):
    with pytest.raises(Termination, match="ZeroDivisionError"):
        run_job(Failing(), storage, n_jobs=2)


def test_run_workflow(storage):
    first = Task1()
    task = Task2(parent=first.output())
    workflow = Workflow(storage=storage, tasks={"last": task}, artifacts={"extra": [Task1(name="extra").output()]})
    run_workflow(workflow, n_jobs=2, resources=None)
    assert load_output(workflow.artifacts["extra"][0], storage) == {"name": "extra"}
    found = workflow_to_task_map(workflow)
    assert found[task.task_id]["dependent_task_ids"] == [first.task_id]
    assert set(found) == {task.task_id, first.task_id}


def test_helpers(storage):
    task = Task1()
    storage.prepare()
    assert not is_completed(task, storage)
    run_task(task, storage)
    (output,) = flatten([task.output()])
    assert exists_output(output, storage)
    remove_output(output, storage)
    assert not exists_output(output, storage)


def test_local_storage_as_in_1_x(storage, tmp_path):
    storage.prepare()
    storage.write("a/b.txt", b"content")
    assert storage.exists("a/b.txt")
    assert not storage.exists("a")
    assert storage.get("a/b.txt").path == "a/b.txt"
    assert storage.namespace("a").read("b.txt") == b"content"
    other = LocalStorage(str(tmp_path / "other"))
    other.prepare()
    storage.copy("a/b.txt", other)
    assert other.read("a/b.txt") == b"content"
    storage.remove("a/b.txt")
    with pytest.raises(NotFound):
        storage.remove("a/b.txt")


def test_a_composite_storage_as_in_1_x(storage, tmp_path):
    storage.prepare()
    run_job(Task1(), storage)
    other = LocalStorage(str(tmp_path / "other"))
    composite = CompositeStorage(read_only=storage, read_write=other)
    run_job([Task1(), Task1(name="new")], composite, n_jobs=2)
    assert other.exists(Task1(name="new").output().key)
    assert not other.exists(Task1().output().key)
    with pytest.raises(ReadOnlyAccess):
        remove_output(Task1().output(), composite)


def test_coreml(storage):
    build = Built(size=3)
    run_job(build, storage)
    dataset = load_output(build.output().main, storage)
    assert dataset.input_shape == (2,)
    assert load_output(build.output().metadata, storage) == {"size": 3}
