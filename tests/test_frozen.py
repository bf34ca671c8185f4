"""``Frozen`` against ``@dataclass(frozen=True)``, whose methods it stands for."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

import alexflow
from alexflow import BinaryOutput, Output, ResourceSpec, Retry, Task, TaskOptions, Workflow
from alexflow.failures import Attempt, FailedTask, FailureReport
from alexflow.model.class_info import class_info

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
    if "__repr__" not in vars(type(value)):  # else it is a short one of its own
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


class Undecorated(Task):
    pass


@dataclass(frozen=True)
class Decorated(Task):
    number: int = 0


@pytest.mark.parametrize("instance", [Undecorated(), Decorated(), Task(), BinaryOutput(Task(), "key")])
def test_fields_of_tasks_and_outputs_stay(instance):
    for name in instance.__dataclass_fields__:
        with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(instance, name, None)
        with pytest.raises(FrozenInstanceError, match=f"cannot delete field '{name}'"):
            delattr(instance, name)


def test_what_is_no_field_may_be_set_where_a_class_is_not_decorated():
    task = Undecorated()
    task.note = "x"
    assert task.note == "x"
    del task.note
    assert not hasattr(task, "note")
    with pytest.raises(FrozenInstanceError):
        Decorated().note = "x"


@pytest.mark.parametrize("base", [Task, alexflow.DynamicTask, alexflow.WrapperTask, Output, Retry, ResourceSpec])
def test_only_frozen_dataclasses_derive_from_them(base):
    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):
        dataclass(type("Changeable", (base,), {}))


def test_a_format_is_constructed_as_outputs_are_where_it_has_no_more_fields_and_no_other_defaults():
    class Same(BinaryOutput[int]):
        pass

    @dataclass(frozen=True, eq=False, repr=False)
    class DecoratedSame(Same):
        pass

    class Ephemeral(Same):
        ephemeral = True

    @dataclass(frozen=True, eq=False, repr=False)
    class More(Same):
        level: int = field(default=1, compare=False)

    @dataclass(frozen=True, eq=False, repr=False)
    class WithFactory(Same):
        key: str = field(default_factory=str)

    class Constructed(Same):
        def __init__(self, src_task, key):
            super().__init__(src_task, key)

    for cls, plain in [
        (BinaryOutput, True),
        (Same, True),
        (DecoratedSame, True),
        (Ephemeral, False),
        (More, False),
        (WithFactory, False),
        (Constructed, False),
    ]:
        assert class_info(cls).default_construction is plain, cls
