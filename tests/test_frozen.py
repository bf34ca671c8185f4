"""``Frozen`` against ``@dataclass(frozen=True)``, whose methods it stands for."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, replace

import pytest

import alexflow
from alexflow import ResourceSpec, Retry, TaskOptions, Workflow
from alexflow.failures import Attempt, FailedTask, FailureReport

ATTEMPT = Attempt("ValueError: no", "TaskFailed", 1.0, worker=7)
VALUES = [
    TaskOptions(executor="thread", timeout=3.0),
    Retry(3, delay=0.5, on=OSError),
    ResourceSpec("500m", gpu=1),
    ATTEMPT,
    FailedTask("t", "T()", "TaskFailed", "no", "no\n", (ATTEMPT,), ()),
    FailureReport((), ("t",)),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_behaves_as_a_frozen_dataclass(value):
    name = next(iter(value.__dataclass_fields__))
    for equal in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value), replace(value)):
        assert equal == value
        assert hash(equal) == hash(value)
        assert repr(equal) == repr(value)
    assert repr(value).startswith(f"{type(value).__name__}({name}={getattr(value, name)!r}")
    assert value != object()
    with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
        setattr(value, name, None)
    with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{name}'"):
        delattr(value, name)


def test_fields_that_differ():
    assert Retry(3) != Retry(3, jitter=0.1)
    assert TaskOptions() != TaskOptions(timeout=1)
    assert TaskOptions() == TaskOptions(code="ignore")


def test_frozen_dataclasses_of_users_may_derive_from_them():
    @dataclass(frozen=True)
    class Nightly(Workflow):
        note: str = ""

    @dataclass(frozen=True)
    class Resources(ResourceSpec):
        zone: str = ""

    assert Nightly({}, note="x").note == "x"
    assert Resources(gpu=1, zone="a") == Resources(gpu=1, zone="a")
    with pytest.raises(alexflow.errors.DefinitionError, match=r"Workflow\.tasks must be a dict"):
        Nightly([])  # type: ignore[arg-type]
