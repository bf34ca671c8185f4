"""A value without identity is refused, with the path to it."""

import io
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from alexflow import Task
from alexflow.errors import IdentityError


@dataclass(frozen=True)
class Train(Task):
    loss: Any


@dataclass(frozen=True)
class Options:
    inner: Any
    ignored: Any = field(default=None, compare=False)


class MyDict(dict):
    pass


class Plain:
    def method(self):
        pass


class Array:
    """As numpy's, to alexflow."""

    def __init__(self, ndim):
        self.ndim = ndim

    def __array__(self):
        raise AssertionError("never asked")

    def item(self):
        raise AssertionError("never asked")


def contains_itself():
    value: list[Any] = []
    value.append(value)
    return value


def local():
    def inner():
        pass

    return inner


LAMBDA = "a lambda has no stable identity; define a function at module level and pass that"
UNKNOWN = (
    "cannot be identified; use plain values, enums, dataclasses, module-level functions or classes, "
    'tasks or outputs; or declare the field with field(metadata={"encode": …, "decode": …}), which give a plain value '
    "and take it back, or with compare=False if results do not depend on it"
)
HERE = __name__


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda: 1, f"Train.loss: {LAMBDA}"),
        ([1, {"f": lambda: 1}], f"Train.loss[1]['f']: {LAMBDA}"),
        ({"a": (0, [lambda: 1])}, f"Train.loss['a'][1][0]: {LAMBDA}"),
        ({(lambda: 1): 2}, f" (the key): {LAMBDA}"),
        (frozenset([lambda: 1]), f"Train.loss{{…}}: {LAMBDA}"),
        (Options(Options([lambda: 1])), f"Train.loss.inner.inner[0]: {LAMBDA}"),
        (
            local(),
            "Train.loss: the function 'local.<locals>.inner' cannot be named from outside; define it at module level",
        ),
        (
            [].append,
            "Train.loss: the function 'list.append' cannot be named from outside; define it at module level",
        ),
        (Plain(), f"Train.loss: a {HERE}.Plain {UNKNOWN}"),
        (Plain().method, "Train.loss: this is the method Plain.method itself; call it: Plain.method()"),
        (object(), f"Train.loss: an object {UNKNOWN}"),
        (io.BytesIO(), f"Train.loss: a _io.BytesIO {UNKNOWN}"),
        (threading.Event(), f"Train.loss: a threading.Event {UNKNOWN}"),
        ((item for item in ()), f"Train.loss: a generator {UNKNOWN}"),
        (
            Array(2),
            f"Train.loss: a {HERE}.Array has no identity of its own; store it with a task and pass that task's output",
        ),
        (Array(0), f"Train.loss: a {HERE}.Array is not a plain Python value; pass value.item()"),
        (MyDict(a=1), f"Train.loss: a {HERE}.MyDict is a subclass of dict; pass a plain dict"),
        ("\ud800", "Train.loss: it has the lone surrogate '\\ud800' at 0, which UTF-8 cannot write; such a text"),
        (["a", "\ud800"], "Train.loss[1]: it has the lone surrogate"),
        (contains_itself(), "(20 steps): nested too deeply (or it contains itself)"),
    ],
    ids=lambda case: case[:40] if isinstance(case, str) else type(case).__name__,
)
def test_refusal_with_its_path(value, message):
    task = Train(value)
    with pytest.raises(IdentityError) as caught:
        _ = task.task_id
    assert message in str(caught.value)
    assert str(caught.value).startswith("Train.loss")
    assert isinstance(caught.value, TypeError)


def test_refused_in_a_nested_task_with_the_path_from_there():
    with pytest.raises(IdentityError, match=r"^Train\.loss\[0\]: a lambda"):
        _ = Train(Train([lambda: 1])).task_id


def test_what_does_not_count_is_not_looked_at():
    assert Train(Options(1, ignored=lambda: 1)).task_id == Train(Options(1)).task_id


def test_an_open_file_is_refused(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(IdentityError, match=r"^Train\.loss: a _io\.TextIO"):
        _ = Train(file).task_id


def test_a_refused_task_can_still_be_shown():
    shown = repr(Train([lambda: 1]))
    assert shown.startswith("Train(loss=[<function")


class Answers:
    """Has whatever attribute it is asked for."""

    def __getattr__(self, name):
        return "anything"


def test_an_object_that_has_every_attribute_is_not_asked():
    with pytest.raises(IdentityError, match=r"Train\.loss: a tests\.identity\.test_refusal\.Answers "):
        _ = Train(Answers()).task_id
