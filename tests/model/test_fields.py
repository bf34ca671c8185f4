"""Fields: required, optional, with contracts; and what a mistake is told."""

import re
from dataclasses import InitVar, dataclass, field, make_dataclass
from typing import Annotated, Any, ClassVar, Generic, Literal, Optional, TypeVar, Union

import pytest

from alexflow import (
    DynamicTask,
    JSONOutput,
    NoDefaultVar,
    Output,
    ResourceSpec,
    Retry,
    Task,
    TaskOptions,
    WrapperTask,
    no_default,
)
from alexflow.errors import DefinitionError

T = TypeVar("T")


@dataclass(frozen=True)
class Plain(Task):
    a: int
    b: str = "b"


def test_plain_required_fields_by_position():
    assert Plain(1) == Plain(a=1, b="b")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'a'"):
        Plain()


def test_the_bases_own_fields_are_keyword_only():
    task = Plain(1, "b", resource_spec=ResourceSpec(gpu=1))
    assert task.resource_spec == ResourceSpec(gpu=1)
    with pytest.raises(TypeError):
        Plain(1, "b", ResourceSpec(gpu=1))


@dataclass(frozen=True)
class Older(Task):
    """As alexflow 1.x wrote it."""

    X: NoDefaultVar[Output] = no_default
    y: NoDefaultVar[Output] = no_default
    model_type: NoDefaultVar[str] = no_default
    verbose: bool = field(default=True, compare=False)
    note: NoDefaultVar[str | None] = no_default


def test_no_default_names_the_missing_argument():
    x = Plain(1).build_output(Output, key="x")
    with pytest.raises(TypeError, match=r"^Older\.__init__ missing 1 required argument: 'X'$"):
        Older(y=x, model_type="Ridge", note=None)
    with pytest.raises(TypeError, match=r"^Older\.__init__ missing 1 required argument: 'note'$"):
        Older(X=x, y=x, model_type="Ridge")
    assert Older(X=x, y=x, model_type="Ridge", note=None).model_type == "Ridge"
    assert Older(x, x, "Ridge", note=None) == Older(X=x, y=x, model_type="Ridge", note=None)


def test_a_wrapper_needs_its_task():
    @dataclass(frozen=True)
    class Wrapper(WrapperTask):
        pass

    with pytest.raises(TypeError, match=r"Wrapper\.__init__ missing 1 required argument: 'task'$"):
        Wrapper()


def test_no_default_stays_the_only_one():
    import copy
    import pickle

    assert repr(no_default) == "no_default"
    assert copy.deepcopy(no_default) is no_default
    assert pickle.loads(pickle.dumps(no_default)) is no_default


# -- contracts


@dataclass(frozen=True)
class Contracted(Task):
    rate: float = field(metadata={"contract": lambda rate: 0 < rate < 1})
    note: str | None = field(default=None, metadata={"contract": lambda note: note.islower()})


def test_contracts():
    assert Contracted(0.5).rate == 0.5
    assert Contracted(0.5, note="low").note == "low"  # and None is not asked about
    with pytest.raises(ValueError, match=r"^Contracted\.rate breaks its contract: 2$"):
        Contracted(2)
    with pytest.raises(ValueError, match=r"^Contracted\.note breaks its contract: 'HIGH'$"):
        Contracted(0.5, note="HIGH")


def test_a_contract_shows_only_the_beginning_of_a_long_value():
    with pytest.raises(ValueError, match="breaks its contract") as caught:
        Contracted(0.5, note="X" * 10_000)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("default", [{}, {"default": 1}], ids=["required", "with a default"])
@pytest.mark.parametrize("base", [Task, JSONOutput])
def test_what_only_the_constructor_would_know(base, default):
    cls = make_dataclass(
        "Given",
        [("given", InitVar[int], field(kw_only=True, **default))],
        bases=(base,),
        frozen=True,
        eq=False,
        namespace={"__post_init__": lambda self, given: super(cls, self).__post_init__()},
    )
    with pytest.raises(DefinitionError, match=r"^Given\.given is an InitVar: .* declare a field$"):
        Task().build_output(cls, key="x") if base is JSONOutput else cls(given=1).task_id


def test_encode_without_decode():
    kind = make_dataclass("Kind", [("a", Any, field(metadata={"encode": str}))], bases=(Task,), frozen=True)
    with pytest.raises(DefinitionError, match=r"Kind\.a has `encode` metadata but no `decode`"):
        kind(1)


# -- None


def accepts_none(annotation: Any) -> bool:
    kind = make_dataclass("Kind", [("a", annotation)], bases=(Task,), frozen=True)
    try:
        kind(a=None)
    except TypeError as error:
        return str(error) != "Kind.a is None, but its type is not optional"
    return True


class Own:
    pass


@pytest.mark.parametrize(
    "annotation",
    [
        None,
        type(None),
        Any,
        object,
        int | None,
        Optional[int],  # noqa: UP045
        Union[int, str, None],  # noqa: UP007
        Union[int, Optional[str]],  # noqa: UP007, UP045
        Literal["a", None],
        Literal["a"] | None,
        Annotated[int | None, "why"],
        T,
        "int | None",
        "Optional[Own]",
        "Union[None, Own]",
        "Any",
        "Unknown | None",
        "NoDefaultVar[Optional[int]]",
        NoDefaultVar[int | None],
    ],
    ids=str,
)
def test_optional(annotation):
    assert accepts_none(annotation)


@pytest.mark.parametrize(
    "annotation",
    [
        int,
        Own,
        int | str,
        Union[int, str],  # noqa: UP007
        list[int | None],
        dict[str, Any],
        tuple[None, ...],
        Literal["a", "b"],
        Literal["None"],
        Annotated[int, None],
        Output[int],
        type[Any],
        "int",
        "Own",
        "Unknown",
        "list[Own]",
        NoDefaultVar[int],
        "NoDefaultVar[int]",
    ],
    ids=str,
)
def test_not_optional(annotation):
    assert not accepts_none(annotation)


def test_a_default_of_none_makes_it_optional():
    kind = make_dataclass("Kind", [("a", int, None)], bases=(Task,), frozen=True)
    assert kind().a is None
    assert kind(a=None).a is None


def test_types_that_are_local_to_a_function():
    class Local:
        pass

    @dataclass(frozen=True)
    class Kind(Task):
        a: "Local"
        b: "Local | None" = None

    assert Kind(Local()).b is None
    with pytest.raises(TypeError, match=r"Kind\.a is None"):
        Kind(None)


# -- classes


def test_a_subclass_of_a_subclass():
    @dataclass(frozen=True)
    class Sub(Plain):
        c: int = 3

    @dataclass(frozen=True)
    class SubSub(Sub):
        d: "int" = 4

    task = SubSub(1, "b", 3, 4)
    assert task == SubSub(1)
    assert task != Sub(1)
    assert re.fullmatch(r".*SubSub\(a=1, b='b', c=3, d=4\)", repr(task))
    with pytest.raises(TypeError, match=r"SubSub\.a is None"):
        SubSub(None)


def test_generic_tasks():
    @dataclass(frozen=True)
    class Box(Task, Generic[T]):
        value: T

    assert Box[int](1) == Box(1)
    assert Box(None).value is None


@pytest.mark.parametrize("base", [Task, DynamicTask, WrapperTask])
@pytest.mark.parametrize("args", [((), {}), ((1,), {}), ((), {"x": 1})])
def test_a_forgotten_decorator(base, args):
    class Forgotten(base):
        x: int

    with pytest.raises(
        DefinitionError, match=r"Forgotten declares fields but is not a dataclass; decorate it with @dataclass\(frozen="
    ):
        Forgotten(*args[0], **args[1])


def test_a_subclass_without_fields_needs_no_decorator():
    class Longer(Plain):
        retry: ClassVar[Retry] = Retry(3)
        options: "ClassVar[TaskOptions]" = TaskOptions(timeout=1.0)

        def run(self, input, output):
            pass

    assert Longer(1).retry == Retry(3)
    assert Longer(1).task_id != Plain(1).task_id
    with pytest.raises(TypeError, match="unexpected keyword argument 'wrong'"):
        Longer(1, wrong=2)


def test_only_frozen():
    with pytest.raises(TypeError, match="cannot inherit non-frozen dataclass from a frozen one"):

        @dataclass
        class Mutable(Task):
            a: int

    with pytest.raises(AttributeError):
        Plain(1).a = 2


def test_own_methods_stay():
    @dataclass(frozen=True)
    class Own(Task):
        a: int

        def __repr__(self):
            return "own"

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 7

    assert repr(Own(1)) == "own"
    assert Own(1) == 5
    assert hash(Own(1)) == 7


def test_repr_shows_one_level_and_leaves_out_what_is_long():
    assert repr(Plain(1)) == "Plain(a=1, b='b')"
    assert len(repr(Plain(1, "x" * 10_000))) < 150


def test_tasks_as_keys():
    assert {Plain(1): "a"}[Plain(1)] == "a"
    assert len({Plain(1), Plain(1, "b"), Plain(2)}) == 2
    assert Plain(1) != 1
    assert Plain(1) != None  # noqa: E711
