"""A field whose metadata have an `encode` is identified by what that gives, always."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from alexflow import BinaryOutput, JSONOutput, Task, deserialize, serialize
from alexflow.errors import IdentityError


class Array:
    """Has no identity of its own, as a numpy array."""

    def __init__(self, numbers: list[float]):
        self.numbers = numbers

    def __array__(self) -> None:
        raise AssertionError("never asked")


AS_LIST = {"encode": lambda array: array.numbers, "decode": Array}


@dataclass(frozen=True)
class Fit(Task):
    weights: Any = field(metadata=AS_LIST)
    start: Any = field(default=None, metadata=AS_LIST)

    def output(self) -> Any:
        return self.build_output(BinaryOutput, key="fit.pkl")


@dataclass(frozen=True)
class Plain(Task):
    task_name = f"{__name__}.Fit"
    weights: Any
    start: Any = None


@dataclass(frozen=True)
class Options:
    weights: Any = field(metadata=AS_LIST)


@dataclass(frozen=True, eq=False, repr=False)
class Column(JSONOutput[Any]):
    weights: Any = field(default_factory=lambda: Array([0.0]), metadata=AS_LIST)


@dataclass(frozen=True)
class Hold(Task):
    value: Any


def test_the_id_is_that_of_the_encoded_value() -> None:
    assert Fit(Array([1.0])).task_id == Plain([1.0]).task_id
    assert Fit(Array([1.0])) == Fit(Array([1.0])) != Fit(Array([2.0]))
    assert Fit(Array([1.0]), start=Array([])).task_id == Plain([1.0], start=[]).task_id


def test_also_in_dataclasses_and_formats() -> None:
    assert Hold(Options(Array([1.0]))) == Hold(Options(Array([1.0]))) != Hold(Options(Array([2.0])))

    def column(*numbers: float) -> Column:
        return Hold(1).build_output(Column, key="c", weights=Array([*numbers]))

    assert column(1.0) == column(1.0) != column(2.0)
    assert column(0.0) == Hold(1).build_output(Column, key="c")
    assert Hold(column(0.0)).task_id == Hold(Hold(1).build_output(JSONOutput, key="c")).task_id


@pytest.mark.parametrize(
    "task",
    [
        Fit(Array([1.0, 2.0])),
        Fit(Array([1.0]), start=Array([2.0])),
        Hold(Options(Array([1.0]))),
        Hold(Hold(1).build_output(Column, key="c", weights=Array([3.0]))),
        Hold(Fit(Array([1.0])).output()),
    ],
)
def test_a_task_from_a_document_has_the_same_id(task: Task) -> None:
    back = deserialize(serialize(task))
    assert back.task_id == task.task_id
    assert serialize(back) == serialize(task)


def test_it_is_asked_also_where_the_value_has_an_identity_itself() -> None:
    @dataclass(frozen=True)
    class Lower(Task):
        name: str = field(metadata={"encode": str.lower, "decode": str})

    assert Lower("A").task_id == Lower("a").task_id


def test_what_is_encoded_as_none_counts_as_none() -> None:
    @dataclass(frozen=True)
    class Erased(Task):
        name: str | None = field(default=None, metadata={"encode": lambda name: name or None, "decode": str})

    assert Erased("").task_id == Erased(None).task_id != Erased("a").task_id


def test_refusals_lead_to_the_field() -> None:
    with pytest.raises(IdentityError, match=r"^Fit\.weights: its `encode` raised AttributeError: "):
        _ = Fit("no array").task_id
    with pytest.raises(IdentityError, match=r"^Fit\.weights\[1\]: a lambda has no stable identity"):
        _ = Fit(Array([1, lambda: 1])).task_id  # type: ignore[list-item]
    with pytest.raises(IdentityError, match=r"^Hold\.value\[0\]\.weights: its `encode` raised AttributeError: "):
        _ = Hold([Options("no array")]).task_id
    with pytest.raises(IdentityError, match=r"^Hold\.value\[0\]\.weights\[0\]: a lambda has no stable identity"):
        _ = Hold([Options(Array([lambda: 1]))]).task_id  # type: ignore[list-item]
