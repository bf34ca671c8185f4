"""A task's id depends on its parameters and all upstream, and size is no obstacle."""

from dataclasses import dataclass, field, make_dataclass, replace
from typing import Any, ClassVar

import pytest

from alexflow import BinaryOutput, JSONOutput, Output, ResourceSpec, Retry, Task, WrapperTask
from alexflow.errors import DefinitionError
from alexflow.model import task_id as module
from tests.kit.effort import examples


@dataclass(frozen=True)
class Hold(Task):
    value: Any = None

    def output(self):
        return self.build_output(BinaryOutput, key="value.pkl")


def digest(task):
    return task.task_id.rpartition(".")[2]


def test_form():
    name, _, digest = Hold(1).task_id.rpartition(".")
    assert name == f"{__name__}.Hold"
    assert len(digest) == 40
    assert set(digest) <= set("0123456789abcdef")


def test_field_order_does_not_count():
    one = make_dataclass("T", [("a", int), ("b", int)], bases=(Task,), frozen=True)
    other = make_dataclass("T", [("b", int), ("a", int)], bases=(Task,), frozen=True)
    assert digest(one(a=1, b=2)) == digest(other(a=1, b=2))
    assert digest(one(a=1, b=2)) != digest(other(a=2, b=1))


def test_a_field_that_is_none_is_left_out_so_that_one_added_later_keeps_old_ids():
    before = make_dataclass("T", [("a", int)], bases=(Task,), frozen=True)
    after = make_dataclass("T", [("a", int), ("b", int | None, None)], bases=(Task,), frozen=True)
    assert digest(before(1)) == digest(after(1))
    assert digest(after(1, 0)) != digest(after(1))


def test_names_of_fields_count():
    one = make_dataclass("T", [("a", int)], bases=(Task,), frozen=True)
    other = make_dataclass("T", [("b", int)], bases=(Task,), frozen=True)
    assert digest(one(1)) != digest(other(1))


def test_any_field_name_counts_also_those_that_outputs_use_themselves():
    @dataclass(frozen=True)
    class Fetch(Task):
        key: str
        src_task: Any = None
        storage: str = ""
        ephemeral: bool = False

    ids = {Fetch("a").task_id, Fetch("b").task_id, Fetch("a", 1).task_id, Fetch("a", None, "s").task_id}
    ids.add(Fetch("a", ephemeral=True).task_id)
    assert len(ids) == 5


def test_compare_false_and_resource_spec_do_not_count():
    @dataclass(frozen=True)
    class T(Task):
        a: int
        verbose: Any = field(default=True, compare=False)

    assert T(1).task_id == T(1, verbose=lambda: 1).task_id
    assert T(1).task_id == T(1, resource_spec=ResourceSpec(gpu=1)).task_id
    assert T(1) == T(1, verbose=False)
    assert hash(T(1)) == hash(T(1, verbose=False))


def test_version_changes_the_id_and_task_name_keeps_it():
    @dataclass(frozen=True)
    class Old(Task):
        task_name: ClassVar[str] = "shop.Basket"
        a: int = 1

    @dataclass(frozen=True)
    class New(Task):
        task_name: ClassVar[str] = "shop.Basket"
        a: int = 1

    @dataclass(frozen=True)
    class Second(Task):
        task_name: ClassVar[str] = "shop.Basket"
        version: ClassVar[int] = 2
        a: int = 1

    assert Old().task_id == New().task_id
    assert Old().task_id.startswith("shop.Basket.")
    assert Old() != New()  # of another class, after all
    assert len({Old().task_id, Second().task_id}) == 2


def test_version_as_text_and_as_number_differ():
    def at(number):
        return digest(type("T", (Hold,), {"version": number, "__module__": __name__})(1))

    assert len({at(None), at(1), at("1"), at(2)}) == 4


def test_a_subclass_has_an_id_of_its_own():
    @dataclass(frozen=True)
    class Sub(Hold):
        more: int = 0

    class Undecorated(Hold):
        retry: ClassVar[Retry] = Retry(3)

    assert len({Hold(1).task_id, Sub(1).task_id, Undecorated(1).task_id}) == 3
    assert Sub(1) != Hold(1)


def test_a_local_class_keeps_its_qualified_name():
    @dataclass(frozen=True)
    class Local(Task):
        a: int = 1

    name = "test_a_local_class_keeps_its_qualified_name.<locals>.Local"
    assert Local().task_id.startswith(f"{__name__}.{name}.")


def test_a_wrapper_has_the_id_of_what_it_wraps():
    @dataclass(frozen=True)
    class Wrapper(WrapperTask):
        note: str = ""

    inner = Hold(1)
    assert Wrapper(task=inner).task_id == inner.task_id
    assert Wrapper(task=Wrapper(task=inner)).task_id == inner.task_id  # type: ignore[arg-type]
    assert Hold(Wrapper(task=Hold(2))).task_id == Hold(Hold(2)).task_id
    assert Wrapper(task=inner, note="a") == Wrapper(task=inner, note="b")
    assert Wrapper(task=inner) != inner


def test_redefining_a_class_forgets_what_was_known_of_the_old_one():
    def define(version, default):
        @dataclass(frozen=True)
        class Redefined(Task):
            version_: ClassVar[int] = version
            a: int = default

        Redefined.version = version
        return Redefined

    first, again, changed = define(1, 1), define(1, 1), define(2, 1)
    assert first().task_id == again().task_id
    assert changed().task_id != first().task_id


def test_a_copy_computes_its_own_id():
    task = Hold(1)
    assert task.task_id != replace(task, value=2).task_id
    assert "_task_id" not in task.__getstate__()


# -- outputs


@dataclass(frozen=True, eq=False, repr=False)
class Table(BinaryOutput[Any]):
    column: str | None = None
    separator: str | None = ","
    parts: tuple[int, ...] = field(default_factory=tuple)
    hint: str = field(default="", compare=False)


def view(**options):
    return Hold(1).build_output(Table, key="t", **options)


def test_an_output_counts_by_its_id():
    assert Hold(Hold(1).output()).task_id == Hold(Hold(1).output()).task_id
    assert Hold(Hold(1).output()).task_id != Hold(Hold(2).output()).task_id
    assert Hold(Hold(1).output()).task_id != Hold(Hold(1)).task_id
    assert Hold(Hold(1).output().as_ephemeral()).task_id == Hold(Hold(1).output()).task_id


def test_formats_under_one_key_are_two_ways_to_read_the_same_bytes():
    binary, json = Hold(1).build_output(BinaryOutput, key="t"), Hold(1).build_output(JSONOutput, key="t")
    assert binary != json
    assert Hold(binary).task_id == Hold(json).task_id


def test_options_of_a_format_make_another_view():
    views = [view(), view(column="a"), view(separator=";"), view(separator=None), view(parts=(1,)), view(column=",")]
    assert len({Hold(output).task_id for output in views}) == len(views)
    assert len(set(views)) == len(views)
    assert len({output.output_id for output in views}) == 1  # the same bytes


def test_options_at_their_default_do_not_count():
    plain = Hold(Hold(1).build_output(BinaryOutput, key="t")).task_id
    comma = "".join([",", ""])
    for output in (view(), view(column=None), view(separator=comma), view(parts=()), view(hint="x")):
        assert Hold(output).task_id == plain
        assert output == view()


def test_options_compare_by_type_too():
    assert view(parts=(1,)) != view(parts=(True,))
    assert view(parts=(1,)) == view(parts=(1,))


def test_an_option_may_be_a_task():
    assert view(column=Hold(1)) == view(column=Hold(1))
    assert view(column=Hold(1)) != view(column=Hold(2))
    assert Hold(view(column=Hold(1))).task_id != Hold(view(column=Hold(2))).task_id


def test_outputs_cannot_have_slots():
    with pytest.raises(DefinitionError, match=r"Slotted cannot have slots"):

        @dataclass(frozen=True, slots=True)
        class Slotted(Output[Any]):
            more: int = 0


# -- size

DEPTH = examples(100_000)


def test_100_000_tasks_nested_in_each_other():
    task = twin = Hold(0)
    for _ in range(DEPTH):
        task, twin = Hold(task), Hold(twin)
    assert task.task_id == twin.task_id
    assert task == twin
    assert hash(task) == hash(twin)
    assert repr(task) == "Hold(value=Hold(…))"
    assert "Hold" in repr(task.output())


def test_100_000_tasks_each_reading_the_one_before():
    output = twin = Hold(0).output()
    for _ in range(DEPTH):
        output, twin = Hold(output).output(), Hold(twin).output()
    assert output.output_id == twin.output_id
    assert output == twin
    assert hash(output) == hash(twin)
    assert output.src_task == twin.src_task
    assert repr(output.src_task).startswith("Hold(value=<BinaryOutput ")


def test_100_000_links_asked_only_at_the_end():
    task = Hold(0)
    for _ in range(DEPTH):
        task = Hold([Wrapping(task=task)])
    assert task.task_id
    assert repr(task) == "Hold(value=[Wrapping(task=Hold(…))])"


@dataclass(frozen=True)
class Wrapping(WrapperTask):
    pass


@pytest.fixture
def computations(monkeypatch):
    """Count how often the fields of a task are looked at."""
    calls = []
    compute = module._id_from_fields
    monkeypatch.setattr(module, "_id_from_fields", lambda *args: calls.append(args) or compute(*args))
    return calls


def test_a_list_of_10_000_fresh_tasks_looks_at_each_of_them_once(computations):
    assert Hold([Hold(number) for number in range(10_000)]).task_id
    assert len(computations) == 10_000 + 2  # the outer one to find them, and once they are known


def test_a_diamond_is_computed_once_per_task(computations):
    task = Hold(0)
    for _ in range(200):
        task = Hold((task, task, [task]))
    assert task.task_id
    assert len(computations) <= 2 * 201 + 1
