"""Outputs and the trees that they stand in."""

import copy
import dataclasses
import pickle
from collections import namedtuple
from dataclasses import dataclass, field
from typing import Any

import pytest

from alexflow import BinaryOutput, JSONOutput, MemoryStorage, Output, ResourceSpec, Task, Workflow, WrapperTask
from alexflow.errors import AlexflowError, InvalidKey, OutputNotBound, OutputNotFound, ShippingError
from alexflow.model import flatten, map_tree

XY = namedtuple("XY", "X y")


@dataclass(frozen=True)
class Hold(Task):
    value: Any = None

    def output(self):
        return self.build_output(BinaryOutput, key="value.pkl")


@dataclass(frozen=True, slots=True)
class Slotted(Task):
    value: Any
    note: str = "n"

    def output(self):
        return self.build_output(BinaryOutput, key="value.pkl")


@dataclass(frozen=True)
class Wrapper(WrapperTask):
    note: str = ""


a, b, c = (Hold(name).output() for name in "abc")


@pytest.mark.parametrize(
    ("tree", "leaves"),
    [
        (None, []),
        (a, [a]),
        ([], []),
        ([a, b], [a, b]),
        ((a, b), [a, b]),
        (XY(a, b), [a, b]),
        ({"x": a, "y": b}, [a, b]),
        ({"x": [a, (b, None)], "y": {"z": XY(c, [])}}, [a, b, c]),
        ([a, a], [a, a]),
    ],
    ids=repr,
)
def test_trees(tree, leaves):
    assert flatten(tree) == leaves
    bound = map_tree(lambda output: output.as_ephemeral(), tree)
    assert bound == tree
    assert type(bound) is type(tree)
    assert all(output.ephemeral for output in flatten(bound))
    assert not any(output.ephemeral for output in leaves)


@pytest.mark.parametrize(
    "tree",
    [1, "key", [1], {"x": {a}}, (a, object()), Hold(1), [Hold(1)]],
    ids=lambda tree: repr(tree).partition(" at 0x")[0],
)
def test_no_trees(tree):
    with pytest.raises(TypeError, match="expected None, an Output, or a list, tuple or dict of those"):
        flatten(tree)
    with pytest.raises(TypeError, match="expected None, an Output, or a list, tuple or dict of those"):
        map_tree(lambda output: output, tree)


def test_a_task_where_an_output_is_due():
    with pytest.raises(TypeError, match=r"not Hold; pass its outputs: task\.output\(\)$"):
        flatten([Hold(1)])


def test_a_deep_tree_is_flattened_without_recursion():
    tree: Any = a
    for _ in range(100_000):
        tree = [tree]
    assert flatten(tree) == [a]
    while isinstance(tree, list):
        tree = tree.pop()


# -- build_output


def test_build_output():
    task = Hold(1)
    output = task.build_output(JSONOutput, key="dir/a.json")
    assert type(output) is JSONOutput
    assert output.key == f"{task.task_id}.dir/a.json" == output.output_id
    assert output.src_task is task
    assert output.src_task_id == task.task_id
    assert output.storage is None
    assert not output.ephemeral
    assert output.physical_key_list() == [output.key]
    assert type(task.build_output(BinaryOutput[int], key="x")) is BinaryOutput
    assert task.build_output(BinaryOutput, "x", ephemeral=True).ephemeral
    assert task.build_output(BinaryOutput, ".hidden").key == f"{task.task_id}..hidden"


def test_build_output_with_fields_and_storage():
    storage = MemoryStorage()

    @dataclass(frozen=True, eq=False, repr=False)
    class Table(BinaryOutput[Any]):
        separator: str = ","

    output = Hold(1).build_output(Table, "t", storage, separator=";")
    assert output.separator == ";"
    assert output.storage is storage


def test_build_output_of_formats_that_do_more_at_construction():
    made: list[str] = []

    @dataclass(frozen=True)
    class Remembering(BinaryOutput[Any]):
        seen: list[str] = field(default_factory=list, init=False, compare=False)

    @dataclass(frozen=True)
    class Passing(BinaryOutput[Any]):
        ephemeral: bool = field(default_factory=lambda: True, compare=False)

    @dataclass(frozen=True)
    class Telling(BinaryOutput[Any]):
        def __init__(self, src_task: Any, key: str, storage: Any = None, ephemeral: bool = False):
            made.append(key)
            super().__init__(src_task, key, storage, ephemeral)

    class Counted(BinaryOutput[Any]):
        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            made.append("new")
            return super().__new__(cls)

    @dataclass(frozen=True)
    class CountedToo(Counted):
        pass

    for _ in range(2):  # as the first of a class, and as one that was built before
        task = Hold(1)
        assert task.build_output(Remembering, key="r").seen == []
        assert task.build_output(Passing, key="p").ephemeral
        output = task.build_output(Telling, key="t")
        task.build_output(CountedToo, key="c")
        assert made == [output.key, "new"]
        made.clear()


def test_build_output_of_another_class_than_before():
    def format_called_table() -> type[BinaryOutput[Any]]:
        @dataclass(frozen=True)
        class Table(BinaryOutput[Any]):
            pass

        return Table

    task = Hold(1)
    for cls in (format_called_table(), JSONOutput, format_called_table()):  # as when a cell is run anew
        for _ in range(2):
            assert type(task.build_output(cls, key="same")) is cls


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../../b", "a//b", "a\\b", "a\0b", "x" * 300, "a/"])
def test_keys_that_are_refused(key):
    with pytest.raises(InvalidKey):
        Hold(1).build_output(BinaryOutput, key=key)


def test_an_output_with_a_key_of_its_own():
    one, other = (Output(src_task=Hold(n), key="shared/name") for n in (1, 2))
    assert one.output_id == f"{Hold(1).task_id}:shared/name"
    assert one != other
    with pytest.raises(InvalidKey):
        Output(src_task=Hold(1), key="../x")


def test_a_wrapper_has_the_input_output_run_tags_and_keys_of_what_it_wraps():
    @dataclass(frozen=True)
    class Inner(Task):
        X: Output[Any]

        def input(self):
            return {"X": self.X}

        def output(self):
            return [self.build_output(BinaryOutput, key="a")]

        @property
        def tags(self):
            return {"gpu"}

        def run(self, input, output):
            return input, output

    inner = Inner(a)
    wrapper = Wrapper(task=inner)
    assert wrapper.input() == inner.input()
    assert wrapper.output() == inner.output()
    assert wrapper.run(1, 2) == (1, 2)
    assert wrapper.tags == {"gpu"}
    assert wrapper.build_output(BinaryOutput, "k") == inner.build_output(BinaryOutput, "k")


# -- equality


def test_equality():
    assert Hold(1).output() == Hold(1).output()
    assert hash(Hold(1).output()) == hash(Hold(1).output())
    assert Hold(1).output() != Hold(2).output()
    assert Hold(1).output() != Hold(1).build_output(JSONOutput, key="value.pkl")
    assert a.as_ephemeral() == a == a.assign_storage(MemoryStorage())
    assert a != a.key
    assert repr(a) == f"<BinaryOutput {a.key}>"
    assert repr(a.as_ephemeral()) == f"<BinaryOutput {a.key}, ephemeral>"


# -- values


def test_values():
    output = a.assign_storage(MemoryStorage())
    assert not output.exists()
    with pytest.raises(OutputNotFound):
        output.load()
    output.store({"x": 1})
    assert output.exists()
    assert output.load() == {"x": 1}
    output.remove()
    assert not output.exists()


@pytest.mark.anyio
async def test_values_on_the_event_loop():
    output = Hold(1).build_output(JSONOutput, key="x").assign_storage(MemoryStorage())
    assert not await output.aexists()
    with pytest.raises(OutputNotFound):
        await output.aload()
    await output.astore([1, None])
    assert await output.aexists()
    assert await output.aload() == [1, None]
    await output.aremove()
    assert not await output.aexists()


def test_without_a_storage_or_a_format():
    with pytest.raises(OutputNotBound, match=r"is not bound to a storage; use the outputs that run\(\) is given"):
        a.load()
    bare = Hold(1).build_output(Output, key="x").assign_storage(MemoryStorage())
    with pytest.raises((TypeError, AlexflowError), match=r"Output says nothing about bytes; build .* with a format"):
        bare.store(1)


def test_the_same_value_gives_the_same_bytes():
    assert BinaryOutput.encode(a, {"x": 1}) == BinaryOutput.encode(a, {"x": 1})
    assert JSONOutput.encode(a, {"x": 1}) == JSONOutput.encode(a, {"x": 1})


# -- copies


@pytest.mark.parametrize("kind", [Hold, Slotted], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("known", [True, False])
def test_copies(kind, copied, known):
    task = kind({"nested": [Hold(1), a]})
    if known:
        assert task.task_id
        assert task.output().output_id
    twin = copied(task)
    assert twin == task
    assert twin.task_id == task.task_id
    assert twin.value == task.value
    output = task.output().as_ephemeral()
    other = copied(output)
    assert other == output
    assert other.ephemeral
    assert other.src_task == task
    assert repr(other) == repr(output)


def test_a_deep_copy_is_the_task_itself_however_long_its_history():
    task = Hold(0)
    for _ in range(2_000):
        task = Hold(task.output())
    assert copy.deepcopy(task) is task
    bound = task.output().assign_storage(MemoryStorage())
    assert copy.deepcopy({"k": [bound]})["k"][0] is bound  # and so is its storage


@pytest.mark.parametrize("kind", [Hold, Slotted], ids=lambda kind: kind.__name__)
def test_replace(kind):
    task = kind(1)
    assert task.task_id
    assert dataclasses.replace(task, value=2) == kind(2)
    assert dataclasses.replace(task, resource_spec=ResourceSpec(gpu=1)) == task
    output = task.output()
    assert dataclasses.replace(output, key="other").output_id == f"{task.task_id}:other"
    assert dataclasses.replace(output, ephemeral=True) == output


def test_slots():
    task = Slotted(1)
    assert task.task_id != Slotted(2).task_id
    assert task == Slotted(1, "n")
    assert repr(task) == "Slotted(value=1, note='n')"


def test_what_is_bound_to_this_process_does_not_leave_it():
    with pytest.raises(ShippingError, match="a MemoryStorage cannot leave its process"):
        pickle.dumps(a.assign_storage(MemoryStorage()))


def test_workflow_names_each_task_once():
    workflow = Workflow(tasks={"x": Hold("a"), "again": Hold("a")}, artifacts={"y": [b, None, {"z": (c, b)}]})
    assert workflow.to_task_list() == [Hold("a"), Hold("b"), Hold("c")]


# -- the example of alexflow 1.x, unchanged


class PhysicalOutput(BinaryOutput):
    pass


@dataclass(frozen=True)
class TrainModel(Task):
    X: Output = field(default=None)
    y: Output = field(default=None)
    model_type: str = field(default="Ridge")

    def input(self):
        return self.X, self.y

    def output(self):
        return self.build_output(PhysicalOutput, key="model.pkl")

    def run(self, input: tuple, output: BinaryOutput):
        X, y = input[0].load(), input[1].load()
        output.store((self.model_type, X, y))


def test_a_format_without_decorator_and_a_task_in_the_older_style():
    storage = MemoryStorage()
    x, y = a.assign_storage(storage), b.assign_storage(storage)
    x.store(1)
    y.store(2)
    task = TrainModel(X=a, y=b)
    output = task.output().assign_storage(storage)
    task.run((x, y), output)
    assert output.load() == ("Ridge", 1, 2)
    assert type(output) is PhysicalOutput
