"""luigi runs tasks of alexflow, and alexflow those of luigi."""

from __future__ import annotations

import importlib

import pytest

import alexflow
from alexflow import LocalStorage

luigi = pytest.importorskip("luigi")

from alexflow.luigi import from_luigi, run_job, run_workflow, to_luigi  # noqa: E402
from tests.luigi.workflows import Broken, Count, Decides, Halves, One, Spreads, Sum, Total  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:luigi"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "results")


@pytest.fixture
def log(tmp_path):
    return str(tmp_path / "log")


# -- alexflow's tasks under luigi


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_luigi_runs_what_is_missing_and_no_more(storage, tmp_path, log, n_jobs):
    parts = [One(number, log) for number in range(4)]
    total = Sum(tuple(part.output() for part in parts))
    alexflow.run(parts[:2], storage=storage, progress=False)
    run_job(total, storage, n_jobs=n_jobs)
    assert total.output().assign_storage(storage).load() == 6
    assert sorted((tmp_path / "log").read_text().split()) == ["0", "1", "2", "3"]
    run_job(total, storage, n_jobs=n_jobs)
    assert len((tmp_path / "log").read_text().split()) == 4


def test_luigi_runs_what_a_dynamic_task_gives(storage, log):
    task = Decides(One(7, log).output())
    run_workflow(alexflow.Workflow({"it": task}, storage=storage))
    assert task.output().assign_storage(storage).load() == 70


def test_luigi_runs_what_a_dynamic_task_without_outputs_gives(storage, tmp_path, log):
    task = Spreads(One(3, log).output(), log)
    run_job(task, storage)
    assert sorted((tmp_path / "log").read_text().split()) == ["0", "1", "2", "3"]
    assert to_luigi(task, storage).complete()


def test_a_luigi_task_may_require_one_of_alexflow(storage, log):
    task = to_luigi(One(1, log), storage)

    class After(luigi.Task):
        def requires(self):
            return task

        def complete(self):
            return task.complete()

    assert luigi.build([After()], local_scheduler=True, log_level="ERROR")
    assert task.complete()


def test_what_does_not_get_done_is_told(storage):
    with pytest.raises(RuntimeError, match="is not completed"):
        run_job(Total(One(1, "/nowhere/to/be/found").output()), storage)


def test_the_import_path_of_1_x():
    assert importlib.import_module("alexflow.adapters.executor.luigi").run_job is run_job


# -- luigi's tasks under alexflow


@pytest.mark.parametrize("executor", ["process", "thread"])  # which it is not asked: luigi wants a main thread
def test_a_target_of_luigi_is_an_input(storage, tmp_path, executor):
    total = Total(from_luigi(Count(str(tmp_path), 5)).output())
    result = alexflow.run(total, storage=storage, progress=False, executor=executor)
    assert result.output.load() == 10
    assert result.ran == 2
    assert alexflow.run(total, storage=storage, progress=False, executor=executor).ran == 0
    assert (tmp_path / "luigi.log").read_text() == "count 5\n"


def test_targets_keep_their_shape_and_what_luigi_requires_is_luigi_s(storage, tmp_path):
    outputs = from_luigi(Halves(str(tmp_path), 7)).output()
    result = alexflow.run([Total(outputs["even"]), Total(outputs["odd"][0])], storage=storage, progress=False)
    assert [output.load() for output in result.output] == [12, 9]
    assert (tmp_path / "count-7.json").exists()


def test_a_target_that_has_gone_is_made_again(storage, tmp_path):
    count = from_luigi(Count(str(tmp_path), 5))
    alexflow.run(count, storage=storage, progress=False)
    (tmp_path / "count-5.json").unlink()
    assert alexflow.run(Total(count.output()), storage=storage, progress=False).output.load() == 10
    assert (tmp_path / "luigi.log").read_text() == "count 5\n" * 2


def test_the_id_follows_from_significant_parameters(tmp_path):
    count = from_luigi(Count(str(tmp_path), 5))
    assert from_luigi(Count(str(tmp_path), 5, verbose=True)).task_id == count.task_id
    assert from_luigi(Count(str(tmp_path), 6)).task_id != count.task_id


def test_a_failure_of_luigi_is_told(storage, tmp_path):
    with pytest.raises(alexflow.RunFailed) as failed:
        alexflow.run(from_luigi(Broken(str(tmp_path))), storage=storage, progress=False)
    (error,) = failed.value.exceptions
    assert "LuigiFailed" in str(error)
    assert "Broken" in str(error)
