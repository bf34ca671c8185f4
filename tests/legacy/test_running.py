"""``run_job``, ``run_workflow`` and the helpers, called as in 1.x."""

from __future__ import annotations

import json
from datetime import date

import pytest

from alexflow.adapters.executor.alexflow import Termination, run_job, run_workflow
from alexflow.adapters.output.h5store import H5FileOutput
from alexflow.adapters.storage.composite_storage import CompositeStorage, ReadOnlyAccess
from alexflow.adapters.storage.core import File, copy_file
from alexflow.adapters.storage.local_storage import LocalStorage
from alexflow.core import Serializable, Workflow
from alexflow.helper import (
    exists_output,
    flatten,
    is_completed,
    load_output,
    remove_output,
    run_task,
    workflow_to_task_map,
)
from alexflow.misc import gjson
from alexflow.testing.tasks import DynamicTask1, Task1, Task2
from tests.legacy.jobs import Built, Failing, Limited, Spied, Written


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
    with pytest.raises(FileNotFoundError):
        storage.remove("a/b.txt")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_output_of_a_user_s_own(storage, n_jobs):
    first = Written(parts=[])
    second = Written(parts=[first.output()])
    run_job(second, storage, n_jobs=n_jobs)
    assert load_output(second.output(), storage) == ["last", "last"]


def test_the_directories_above_a_storage_are_made(tmp_path):
    storage = LocalStorage(base_path=str(tmp_path / "not" / "there" / "yet"))
    run_job(Task1(), storage)
    assert is_completed(Task1(), storage)
    straight = LocalStorage(base_path=str(tmp_path / "nor" / "this"))
    Task1().output().assign_storage(straight).store(1)
    assert exists_output(Task1().output(), straight)


def test_what_a_storage_of_1_x_lists(storage, tmp_path):
    storage.prepare()
    for key in ("a/b.txt", "a/deep/c.txt", "ab.txt"):
        storage.write(key, b"content")
    assert storage.list() == [File(path="a/b.txt"), File(path="a/deep/c.txt"), File(path="ab.txt")]
    assert storage.list("a") == [File(path="b.txt"), File(path="deep/c.txt")]
    assert storage.verify().good == 3
    assert storage.verify(prefix="a/").good == 2

    other = LocalStorage(base_path=str(tmp_path / "other"))
    other.prepare()
    other.write("a/d.txt", b"more")
    composite = CompositeStorage(read_only=storage, read_write=other)
    assert composite.list("a") == [File(path="b.txt"), File(path="d.txt"), File(path="deep/c.txt")]
    below = composite.namespace("a")
    assert below == CompositeStorage(read_only=storage.namespace("a"), read_write=other.namespace("a"))
    assert [key for key in ("b.txt", "d.txt", "e.txt") if below.exists(below.get(key).path)] == ["b.txt", "d.txt"]
    copy_file(File(path="a/d.txt"), other, storage, path="d.txt")
    assert storage.read("d.txt") == b"more"
    composite.remove("d-not-there")
    with pytest.raises(ReadOnlyAccess):
        composite.remove("ab.txt")


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


def test_h5store(storage):
    pytest.importorskip("tables")
    pandas = pytest.importorskip("pandas")
    output = Task1().build_output(H5FileOutput, key="frames.h5").assign_storage(storage)
    with output.open(complevel=1, complib="zlib") as store:
        store["frame"] = pandas.DataFrame({"a": [1, 2]})
    with output.load() as store:
        assert store["frame"]["a"].sum() == 3


def test_gjson(tmp_path):
    numpy = pytest.importorskip("numpy")
    path = str(tmp_path / "new" / "it.json.gz")
    gjson.dump({"n": numpy.float32(1.5), "i": numpy.int64(2), "day": date(2020, 1, 2)}, path)
    assert gjson.load(path) == {"n": 1.5, "i": 2, "day": "2020-01-02"}
    assert json.dumps([date(2020, 1, 2)], cls=gjson.Encoder) == '["2020-01-02"]'


def test_what_1_x_calls_serializable(storage):
    task = Task2(parent=Task1().output())
    assert task.to_dict()["name"] == "task2"
    task.validate()
    assert Task2.deserialize(task.serialize()) == task
    output = task.output().assign_storage(storage)
    assert isinstance(task, Serializable)
    assert isinstance(output, Serializable)
    assert type(output).deserialize(output.serialize()).storage == storage
    storage.validate()


def test_coreml(storage):
    pytest.importorskip("numpy")
    build = Built(size=3)
    run_job(build, storage)
    dataset = load_output(build.output().main, storage)
    assert dataset.input_shape == (2,)
    assert load_output(build.output().metadata, storage) == {"size": 3}
