"""An integer for a field annotated as a float: it has an id of its own, which is said once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

import alexflow
from alexflow import Task


@dataclass(frozen=True)
class Train(Task):
    rate: float
    decay: float | None = None
    momentum: Annotated[float, "0 to 1"] = 0.5
    either: float | int = 1
    anything: Any = 1
    note: float = field(default=1.0, compare=False)

    def output(self):
        return self.build_output(alexflow.JSONOutput, key="rate.json")

    def run(self, input, output):
        output.store(self.rate)


@alexflow.task
def scaled(by: float) -> float:
    return by


def noted(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.fixture(autouse=True)
def forget():
    from alexflow.model.class_info import class_info

    for cls in (Train, scaled):
        class_info(cls).__dict__.pop("floats", None)


def test_it_is_noted_once_with_class_field_and_remedy(caplog):
    caplog.set_level(logging.WARNING, "alexflow")
    assert Train(1).task_id != Train(1.0).task_id
    assert noted(caplog) == [
        f"{__name__}.Train.rate is annotated as a float and was given the integer 1: the id differs from that with "
        f"1.0; write 1.0"
    ]
    _ = Train(2).task_id
    assert len(noted(caplog)) == 1
    _ = Train(2.0, decay=3).task_id
    _ = Train(2.0, momentum=3).task_id
    assert [message.split(" ")[0].rpartition(".")[2] for message in noted(caplog)] == ["rate", "decay", "momentum"]
    _ = scaled(3).src_task.task_id
    assert "scaled.by is annotated as a float and was given the integer 3" in noted(caplog)[-1]


def test_what_is_no_integer_in_a_float_is_not(caplog):
    caplog.set_level(logging.WARNING, "alexflow")
    for task in (Train(1.0), Train(0.5, either=3, anything=4, note=5), Train(1.0, decay=None), Train(True)):
        _ = task.task_id
    assert noted(caplog) == []


@pytest.mark.processes
def test_a_worker_process_does_not_repeat_it(caplog, tmp_path):
    caplog.set_level(logging.WARNING, "alexflow")
    alexflow.run([Train(1), Train(2)], storage=tmp_path, workers=2, progress=False)
    assert len(noted(caplog)) == 1
