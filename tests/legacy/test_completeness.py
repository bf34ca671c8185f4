"""Whether a task is done, asked without an engine; a dynamic one without outputs by asking it what it gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import BinaryOutput, DynamicTask, LocalStorage, Task
from alexflow.helper import is_completed
from alexflow.legacy.completeness import generated, is_complete


@dataclass(frozen=True)
class Leaf(Task):
    number: int

    def output(self):
        return self.build_output(BinaryOutput, key="leaf.pkl")


@dataclass(frozen=True)
class Shaped(Task):
    """With what it is given for outputs."""

    shape: Any

    def output(self):
        return self.shape


@dataclass(frozen=True)
class Gives(DynamicTask):
    """Leaves, up to the number that its parent has stored."""

    how: str
    parent: Any = None

    def input(self):
        return self.parent

    def generate(self, input, output):
        number = 2 if input is None else input.load()
        return getattr(self, self.how)([Leaf(each) for each in range(number)])

    def one(self, leaves):
        return leaves[0]

    def none(self, leaves):
        return None

    def several(self, leaves):
        return leaves

    def lazily(self, leaves):
        yield from leaves

    async def later(self, leaves):
        return leaves

    async def lazily_later(self, leaves):
        for leaf in leaves:
            yield leaf

    def nested(self, leaves):
        return [Gives("several"), Gives("one")]


@dataclass(frozen=True)
class Layer(DynamicTask):
    """Gives two, and each of them gives the same two again, down to the leaf."""

    below: int
    side: int = 0

    def generate(self, input, output):
        asked.append(self)
        return [Layer(self.below - 1, side) for side in (0, 1)] if self.below else Leaf(0)


asked: list[Layer] = []


@pytest.fixture
def storage(tmp_path):
    storage = LocalStorage(tmp_path / "results")
    storage.prepare()
    return storage


def store(task, storage, value=1):
    task.output().assign_storage(storage).store(value)


@pytest.mark.parametrize("asked", [is_complete, is_completed])
@pytest.mark.parametrize(("shape", "complete"), [(None, False), ([], True), ({}, True), ((), True), ({"a": []}, True)])
def test_nothing_to_look_for(storage, asked, shape, complete):
    """As 1.1.4 has it: without outputs a task never counts as done, but with a list of none it does."""
    assert asked(Shaped(shape), storage) is complete


def test_all_outputs_have_to_be_there(storage):
    task = Shaped({"a": Leaf(0).output(), "b": [Leaf(1).output(), Leaf(0).output()]})
    assert not is_complete(task, storage)
    store(Leaf(0), storage)
    assert not is_complete(task, storage)
    store(Leaf(1), storage)
    assert is_complete(task, storage)


@pytest.mark.parametrize("how", ["one", "several", "lazily", "later", "lazily_later", "nested"])
def test_a_dynamic_task_without_outputs_is_done_when_what_it_gives_is(storage, how):
    store(Leaf(0), storage)
    assert is_complete(Gives(how), storage) is (how == "one")
    store(Leaf(1), storage)
    assert is_complete(Gives(how), storage)


def test_one_that_gives_nothing_is_done(storage):
    assert generated(Gives("none"), storage) == []
    assert is_complete(Gives("none"), storage)


def test_one_whose_input_is_missing_is_not(storage):
    task = Gives("several", Leaf(7).output())
    assert not is_complete(task, storage)
    store(Leaf(7), storage, value=0)
    assert is_complete(task, storage)


def test_what_goes_wrong_while_it_is_asked_is_told(storage):
    store(Leaf(7), storage, value="no number")
    with pytest.raises(TypeError):
        is_complete(Gives("several", Leaf(7).output()), storage)


def test_what_several_give_is_asked_once(storage):
    asked.clear()
    store(Leaf(0), storage)
    assert is_complete(Layer(12), storage)
    assert len(asked) == 1 + 2 * 12
