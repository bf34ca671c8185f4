"""Outputs are computed again from the record alone, and compared: bytes, values, or the first difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import LocalStorage, RunFailed, Task
from alexflow.engine.reproduction import Reproduction, reproduce, reproduce_sample
from alexflow.errors import NotRecorded, OutputNotFound
from alexflow.model import flatten
from alexflow.record import Record
from tests.record.reproduced_tasks import Failing, Numbers, Pickled, Table
from tests.record.segments import HandWritten, stored_in


class Experiment:
    """A storage with tasks that read settings, and its record."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "settings.json"
        self.set(x=[1, 2, 3], y=["a", "b", "c"])
        self.storage = LocalStorage(folder / "results")
        self.numbers = Numbers(str(self.file))
        self.table = Table(str(self.file), self.numbers.output())
        self.pickled = Pickled(str(self.file))
        self.failing = Failing(str(self.file))
        self.tasks: list[Task] = [self.numbers, self.table, self.pickled, self.failing]
        alexflow.run(self.tasks, storage=self.storage, progress=False)
        segment = HandWritten(self.storage)
        segment.made(*self.tasks)
        for number, task in enumerate(self.tasks):
            keys = [output.key for output in flatten(task.output())]
            segment.done(number, number, stored_in(self.storage, *keys))
        segment.writer.close()

    def set(self, **settings: Any) -> None:
        self.file.write_text(json.dumps(settings))

    @property
    def record(self) -> Record:
        return alexflow.open_record(self.storage)

    def reproduce(self, task: Task, **options: Any) -> Reproduction:
        return reproduce(self.record, flatten(task.output())[0].key, **options)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    return Experiment(tmp_path)


def listed(storage: LocalStorage) -> dict[str, bytes]:
    return {key: storage.read(key) for key in storage.list()}


def test_equal_bytes(experiment: Experiment) -> None:
    before = listed(experiment.storage)
    found = experiment.reproduce(experiment.table)
    assert (found.equal, found.how) == (True, "bytes")
    assert str(found) == f"{experiment.table.output().key}: equal bytes"
    assert found.to_json()["outputs"] == [{"key": experiment.table.output().key, "how": "bytes", "difference": None}]
    assert listed(experiment.storage) == before


def test_equal_values_in_other_bytes(experiment: Experiment) -> None:
    experiment.set(x=[1, 2, 3], order=-1)
    found = experiment.reproduce(experiment.pickled)
    assert (found.equal, found.how, [output.how for output in found.outputs]) == (True, "value", ["value", "bytes"])


def test_the_column_and_row_that_differ_first(experiment: Experiment) -> None:
    experiment.set(x=[1, 2, 3], y=["a", "b", "d"])
    before = listed(experiment.storage)
    found = experiment.reproduce(experiment.table)
    assert (found.equal, found.how) == (False, "differs")
    difference = found.outputs[0].difference
    assert difference is not None
    assert (difference.path, difference.before, difference.after) == ("$, column 'y', row 2", "'c'", "'d'")
    assert "column 'y', row 2: 'c' → 'd'" in str(found)
    assert listed(experiment.storage) == before


def test_the_array_and_the_file_that_differ(experiment: Experiment) -> None:
    experiment.set(x=[1, 2, 7])
    array, directory = (output.difference for output in experiment.reproduce(experiment.pickled).outputs)
    assert array is not None
    assert (array.path, array.max_abs) == ("$.a[2]", 4.0)
    assert directory is not None
    assert directory.path == "$, files['f.txt']"


def test_inputs_are_read_from_the_storage_unless_everything_is_computed_again(experiment: Experiment) -> None:
    experiment.set(x=[1, 2, 4], y=["a", "b", "c"])
    assert experiment.reproduce(experiment.table).how == "bytes"
    deep = experiment.reproduce(experiment.table, deep=True)
    assert deep.outputs[0].difference is not None
    assert (deep.how, deep.outputs[0].difference.path) == ("differs", "$, column 'x', row 2")
    assert deep.outputs[0].difference.max_abs == 1.0


def test_inputs_that_are_gone(experiment: Experiment) -> None:
    experiment.storage.remove_many([experiment.numbers.output().key])
    with pytest.raises(OutputNotFound, match="it is an input: deep=True"):
        experiment.reproduce(experiment.table)
    assert experiment.reproduce(experiment.table, deep=True).how == "bytes"


def test_an_output_that_is_gone_is_compared_by_its_digest(experiment: Experiment) -> None:
    experiment.storage.remove_many([experiment.table.output().key])
    assert experiment.reproduce(experiment.table).how == "bytes"
    experiment.set(y=["a", "b", "d"])
    found = experiment.reproduce(experiment.table)
    assert (found.how, found.outputs[0].difference) == ("differs", None)


def test_a_task_that_fails_now(experiment: Experiment) -> None:
    experiment.set(x=[], y=[])
    with pytest.raises(RunFailed):
        experiment.reproduce(experiment.failing)


def test_something_that_is_not_recorded(experiment: Experiment) -> None:
    with pytest.raises(NotRecorded):
        reproduce(experiment.record, "nothing")


def test_a_sample(experiment: Experiment) -> None:
    experiment.set(x=[], y=["a", "b", "c"])
    found = {each.key: each for each in reproduce_sample(experiment.record, 10)}
    assert len(found) == 4
    failed = found[experiment.failing.output().key]
    assert (failed.equal, failed.how) == (False, "failed")
    assert "Failing" in failed.failure
    assert str(failed).startswith(f"{failed.key}: could not be computed: ")
    assert found[experiment.table.output().key].equal
    first, again = (next(iter(reproduce_sample(experiment.record, 1, seed=3))) for _ in range(2))
    assert first.key == again.key
