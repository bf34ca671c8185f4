"""A task that contains itself has no id, and saying so takes no longer than finding out."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from alexflow import JSONOutput, Output, Task, WrapperTask, serialize
from alexflow.errors import DocumentError, IdentityError


@dataclass(frozen=True)
class Hold(Task):
    value: Any
    more: Any = None


@dataclass(frozen=True)
class Wrapping(WrapperTask):
    pass


@dataclass(frozen=True)
class Box:
    inner: Any


@dataclass(frozen=True, eq=False, repr=False)
class View(JSONOutput[Any]):
    of: Any = None


@dataclass(frozen=True)
class Encoded(Task):
    value: Any = field(metadata={"encode": lambda value: [value], "decode": lambda data: data[0]})


@dataclass(frozen=True)
class Fresh(Task):
    """As if `encode` described a value by a task, a new one each time."""

    value: Any = field(metadata={"encode": lambda value: Hold(value), "decode": lambda task: task.value})


def loop(close: Any, kind: Any = Hold) -> Any:
    held: list[Any] = []
    task = kind(held)
    held.append(close(task))
    return task


@pytest.mark.parametrize(
    ("close", "path"),
    [
        (lambda task: task, "Hold.value[0]"),
        (lambda task: {"k": (1, [task])}, "Hold.value[0]['k'][1][0]"),
        (lambda task: Box(task), "Hold.value[0].inner"),
        (lambda task: Wrapping(task=Wrapping(task=task)), "Hold.value[0].task.task"),
        (lambda task: JSONOutput(task, "key"), "Hold.value[0].src_task"),
        (lambda task: View(Hold(1), "key", of=task), "Hold.value[0].of"),
        (lambda task: Hold(1, more=[task]), "Hold.value[0].more[0]"),
        (lambda task: Hold(Hold(task)), "Hold.value[0].value.value"),
        (lambda task: Encoded(task), "Hold.value[0].value[0]"),
    ],
)
def test_it_is_refused_with_the_way_round(close: Any, path: str) -> None:
    message = f"{path}: the task contains itself"
    with pytest.raises(IdentityError) as caught:
        _ = loop(close).task_id
    assert str(caught.value) == message
    with pytest.raises(DocumentError) as refused:
        serialize([loop(close)])
    assert str(refused.value) == f"root[0]: {message}"


def test_from_outside_the_path_begins_where_the_loop_does() -> None:
    with pytest.raises(IdentityError, match=r"^Hold\.value\[0\]: the task contains itself$"):
        _ = Hold([Hold(1), loop(lambda task: task)]).task_id


def test_through_what_encode_makes() -> None:
    with pytest.raises(IdentityError, match=r"^Encoded\.value\[0\]\[0\]: the task contains itself$"):
        _ = loop(lambda task: task, Encoded).task_id
    with pytest.raises(IdentityError, match="the task contains itself"):
        _ = loop(lambda task: task, Fresh).task_id


def test_a_long_loop_is_not_spelled_out() -> None:
    held: list[Any] = []
    task = Hold(held)
    for _ in range(50_000):
        task = Hold(task)
    held.append(task)
    with pytest.raises(IdentityError, match="…: the task contains itself") as caught:
        _ = task.task_id
    assert len(str(caught.value)) < 200


def test_what_is_merely_met_twice_is_no_loop() -> None:
    shared = Hold([1])
    task = Hold([shared, Hold(shared), Hold([Hold(shared), shared])], more=shared)
    assert (
        task.task_id == Hold([Hold([1]), Hold(Hold([1])), Hold([Hold(Hold([1])), Hold([1])])], more=Hold([1])).task_id
    )


def test_a_task_that_encode_makes_anew_each_time_has_an_id() -> None:
    assert Fresh([1]).task_id == Fresh([1]).task_id != Fresh([2]).task_id
    assert Fresh(Fresh([1])).task_id == Fresh(Fresh([1])).task_id


def test_a_loop_where_it_does_not_count_does_not_matter() -> None:
    @dataclass(frozen=True)
    class Aside(Task):
        value: Any = field(compare=False)

    assert loop(lambda task: task, Aside).task_id == Aside(None).task_id


def test_an_option_whose_default_is_a_task_is_at_its_default_whenever_it_is_asked() -> None:
    def consumer(default: Task, option: Task, first: Task | None) -> str:
        @dataclass(frozen=True, eq=False, repr=False)
        class WithDefault(Output[Any]):
            option: Any = default

        if first is not None:
            _ = first.task_id
        return Hold(Hold(1).build_output(WithDefault, key="k", option=option)).task_id

    plain = Hold(Hold(1).build_output(Output, key="k")).task_id
    for make in (lambda: Hold(7), lambda: Hold(Hold(7))):
        default, option = make(), make()
        assert consumer(default, option, None) == plain
        default = make()
        assert consumer(default, make(), default) == plain
    assert consumer(Hold(7), Hold(8), None) != plain
