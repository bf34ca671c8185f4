"""Whole graphs: each task once, dependencies first, work in proportion to the nodes."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from alexflow import LocalStorage, MemoryStorage, Output, Workflow, deserialize, serialize
from alexflow.errors import DocumentError
from alexflow.serialization import from_json, from_msgpack, to_json, to_msgpack
from tests.kit.effort import examples
from tests.serialization.documented import Chain, Column, Config, Join, Loud, Noted, Value


def diamonds(count: int) -> Value | Join:
    task: Value | Join = Value(1)
    for _ in range(count):
        task = Join(task.output(), task.output())
    return task


def chain(length: int) -> Chain:
    task = Chain()
    for index in range(1, length):
        task = Chain(task.output(), index)
    return task


def test_forty_stacked_diamonds_are_41_nodes() -> None:
    task = diamonds(40)
    document = json.loads(json.dumps(task.serialize()))
    assert len(document["nodes"]) == 41
    back = deserialize(document)
    assert back == task
    assert back.left.src_task is back.right.src_task


def test_equal_tasks_that_are_different_objects_are_one_node() -> None:
    def build(depth: int) -> Any:
        return Value(1) if depth == 0 else Join(build(depth - 1).output(), build(depth - 1).output())

    assert len(serialize(build(8))["nodes"]) == 9


def test_a_chain_of_100_000_goes_through() -> None:
    task = chain(examples(100_000))
    data = to_msgpack(task)
    back = from_msgpack(data)
    assert back == task
    assert len(msgspec.msgpack.decode(data)["nodes"]) == examples(100_000)


@pytest.mark.parametrize("make", [diamonds, chain])
def test_work_and_size_grow_with_the_nodes(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in calls: each task's fields are written once and read once, whatever the number of paths."""
    from alexflow.serialization.decode import ValueReader
    from alexflow.serialization.encode import ValueWriter

    counts = {"write": 0, "read": 0}

    def counted(cls: type, name: str, count: str) -> None:
        original = getattr(cls, name)

        def method(self: Any, *args: Any) -> Any:
            counts[count] += 1
            return original(self, *args)

        monkeypatch.setattr(cls, name, method)

    counted(ValueWriter, "write", "write")
    counted(ValueReader, "read", "read")
    work = []
    for size in (20, 40, 80):
        counts.update(write=0, read=0)
        deserialize(serialize(make(size)))
        work.append((counts["write"], counts["read"]))
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(work)]
    assert (2 * steps[0][0], 2 * steps[0][1]) == steps[1]


def test_tasks_anywhere_in_values_go_through_the_table() -> None:
    leaf = Value("leaf")
    holder = Value(
        {"a": [leaf, (leaf.output(),)], "b": {leaf}, "c": Config(1.0, inner=leaf), "d": {leaf: leaf.output()}}
    )
    document = holder.serialize()
    assert [node["class"] for node in document["nodes"]] == ["tests.serialization.documented:Value"] * 2
    back = deserialize(document)
    assert back == holder
    assert back.value["a"][0] is back.value["a"][1][0].src_task is next(iter(back.value["b"])) is back.value["c"].inner


def test_nodes_come_after_what_they_refer_to_in_one_order() -> None:
    task = Join(Join(Value(1).output(), Value(2).output()).output(), Value({Value(3), Value(4), Value(5)}).output())
    nodes = task.serialize()["nodes"]
    seen: set[str] = set()
    for node in nodes:
        text = json.dumps(node["fields"])
        assert all(later["id"] not in text for later in nodes if later["id"] not in seen)
        seen.add(node["id"])
    assert to_json(task) == to_json(from_json(to_json(task)))


def test_equal_tasks_that_differ_where_it_does_not_signify_stay_apart() -> None:
    pair = [Noted(1, note="a"), Noted(1, note="b"), Noted(1, note="a")]
    document = serialize(pair)
    task_id = pair[0].task_id
    assert [node["id"] for node in document["nodes"]] == [task_id, f"{task_id}#2"]
    back = deserialize(document)
    assert [task.note for task in back] == ["a", "b", "a"]
    assert back[0] is back[2]
    assert back[1].task_id == task_id


def test_a_wrapper_and_what_it_wraps_are_two_nodes() -> None:
    wrapper = Loud(Value(1))
    document = serialize([wrapper, wrapper.output()])
    assert [node["id"] for node in document["nodes"]] == [wrapper.task_id, f"{wrapper.task_id}#2"]
    back = deserialize(document)
    assert type(back[0]) is Loud
    assert back == [wrapper, wrapper.output()]
    assert back[0].task is back[1].src_task


def test_an_output_leaves_its_storage_behind_and_keeps_the_rest() -> None:
    output: Output[Any] = Value(1).build_output(Column, "table", column="price", others=[Value(2)])
    bound = output.as_ephemeral().assign_storage(MemoryStorage())
    back = deserialize(bound.serialize())
    assert type(back) is Column
    assert back == bound
    assert (back.storage, back.ephemeral, back.column, back.others) == (None, True, "price", [Value(2)])


def test_a_workflow_comes_back() -> None:
    first, second = Value(1), Value(2)
    workflow = Workflow(
        tasks={"first": first},
        artifacts={"tree": {"x": [first.output(), (second.output(), None)]}},
        storage=LocalStorage("r"),
    )
    back = deserialize(json.loads(json.dumps(workflow.serialize())))
    assert back == workflow
    with pytest.raises(DocumentError, match=r"^Workflow\.storage: a MemoryStorage exists in this process only"):
        Workflow(tasks={}, storage=MemoryStorage()).serialize()


def test_a_fault_far_up_the_graph_names_the_task_and_field() -> None:
    with pytest.raises(DocumentError, match=r"^Value\.value\[0\]: a lambda has no stable identity"):
        serialize(Value(Value([lambda: 1])))
    with pytest.raises(DocumentError, match=r"^root\[0\]: Value\.value: a lambda has no stable identity"):
        serialize([Value(lambda: 1)])
    with pytest.raises(DocumentError, match=r"^Value\.value\[0\]: a lambda has no stable identity"):
        serialize(Value([lambda: 1]))
    with pytest.raises(DocumentError, match=r"^Noted\.note\['x'\]: an object cannot be written"):
        serialize(Value([Noted(1, note={"x": object()})]))


def test_a_task_that_refers_to_itself_is_refused() -> None:
    task = Noted(1, note=[])
    task.note.append(Value(task))
    with pytest.raises(DocumentError, match=r"^Noted: the task refers to itself"):
        serialize(task)
