"""Classes that Python takes and that cannot be what was meant are refused when they are first used."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar

import pytest

from alexflow import BinaryOutput, DynamicTask, Task, WrapperTask
from alexflow.errors import DefinitionError, OutputConflict


def refused(make: Callable[[], Any]) -> str:
    with pytest.raises(DefinitionError) as caught:
        make()
    return str(caught.value)


@dataclass(frozen=True)
class Train(Task):
    depth: int = 3


def field_named(name: str, base: type = Task) -> type:
    return dataclass(frozen=True)(
        type("Odd", (base,), {"__annotations__": {name: int}, name: 1, "__module__": __name__})
    )


@pytest.mark.parametrize("base", [Task, DynamicTask, WrapperTask])
@pytest.mark.parametrize("name", ["input", "output", "tags", "task_id", "build_output", "unwrapped"])
def test_a_field_must_not_hide_a_member(name: str, base: type) -> None:
    message = refused(field_named(name, base))
    assert message.startswith(
        f"Odd.{name} is a field, but alexflow uses the name '{name}' itself; give the field another"
    )


def test_run_and_generate_are_members() -> None:
    assert refused(field_named("run")).startswith("Odd.run is a field")
    assert refused(field_named("generate", DynamicTask)).startswith("Odd.generate is a field")


@pytest.mark.parametrize("name", ["version", "task_name", "options", "retry"])
def test_a_setting_is_a_class_variable(name: str) -> None:
    assert f"; declare it as a class variable, {name}: ClassVar = …, or as a property" in refused(field_named(name))


def test_other_names_are_free() -> None:
    assert field_named("generate")().generate == 1  # type: ignore[attr-defined]  # of a task that is not dynamic
    assert field_named("timeout")().timeout == 1  # type: ignore[attr-defined]
    assert field_named("priority")().priority == 1  # type: ignore[attr-defined]


class TestDefaultsOfSubclasses:
    def test_a_plain_value_is_refused(self) -> None:
        class Deep(Train):
            depth = 10

        assert "Deep.depth does not change the default of the field" in refused(Deep)

    def test_so_it_is_in_a_decorated_class_and_below_it(self) -> None:
        @dataclass(frozen=True)
        class Deep(Train):
            depth = 10

        @dataclass(frozen=True)
        class Deeper(Deep):
            pass

        assert "Deep.depth does not change" in refused(Deep)
        assert "Deep.depth does not change" in refused(Deeper)

    def test_so_is_a_method_of_that_name(self) -> None:
        @dataclass(frozen=True)
        class Deep(Train):
            def depth(self) -> int:  # type: ignore[override]
                return 10

        assert "Deep.depth does not change" in refused(Deep)

    def test_with_an_annotation_it_counts(self) -> None:
        @dataclass(frozen=True)
        class Deep(Train):
            depth: int = 10

        @dataclass(frozen=True)
        class Deeper(Deep):
            width: int = field(default=1)

        assert (Deep().depth, Deeper().depth) == (10, 10)
        assert Deep().task_id != Deep(3).task_id


class TestPinnedNames:
    def test_a_pinned_name_is_not_inherited(self) -> None:
        @dataclass(frozen=True)
        class A(Task):
            task_name: ClassVar[str | None] = "shop.a"

        @dataclass(frozen=True)
        class B(A):
            pass

        @dataclass(frozen=True)
        class C(A):
            task_name: ClassVar[str | None] = "shop.c"

        @dataclass(frozen=True)
        class D(A):
            task_name: ClassVar[str | None] = None

        assert "inherits task_name = 'shop.a'" in refused(B)
        assert C().task_id.startswith("shop.c.")
        assert D().task_id.rpartition(".")[0].endswith("D")


class Methods:
    """Methods that are not what the engine calls, each with what is said of it."""

    class Generator(Task):
        def run(self, input: Any, output: Any) -> Iterator[int]:
            yield 1

    class AsyncGenerator(Task):
        async def run(self, input: Any, output: Any) -> AsyncIterator[int]:
            yield 1

    class AsInLuigi(Task):
        def run(self) -> None: ...  # type: ignore[override]

    class OneTooMany(Task):
        def run(self, input: Any, output: Any, more: Any) -> None: ...  # type: ignore[override]

    class InputTakesMore(Task):
        def input(self, n: int) -> None: ...  # type: ignore[override]

    class AsyncOutput(Task):
        async def output(self) -> None: ...

    class PropertyInput(Task):
        @property
        def input(self) -> None: ...  # type: ignore[override]

    class TagsMethod(Task):
        def tags(self) -> set[str]:  # type: ignore[override]
            return {"gpu"}

    class DynamicRun(DynamicTask):
        def run(self, input: Any, output: Any) -> None: ...

    class GenerateTakesNothing(DynamicTask):
        def generate(self) -> None: ...  # type: ignore[override]


@pytest.mark.parametrize(
    ("cls", "said"),
    [
        (Methods.Generator, "Generator.run contains yield, so calling it would run nothing"),
        (Methods.AsyncGenerator, "AsyncGenerator.run contains yield, so calling it would run nothing"),
        (
            Methods.AsInLuigi,
            "AsInLuigi.run(self) -> 'None' is called as run(self, input, output); write def run(self, inp",
        ),
        (Methods.OneTooMany, "is called as run(self, input, output)"),
        (Methods.InputTakesMore, "is called as input(self)"),
        (Methods.AsyncOutput, "AsyncOutput.output is async, but it only describes; make it a plain def"),
        (Methods.PropertyInput, "PropertyInput.input is a property; make it a method: remove @property"),
        (Methods.TagsMethod, "TagsMethod.tags is a method; make it a property: write @property above it"),
        (Methods.DynamicRun, "DynamicRun.run would never be called; a DynamicTask works in generate()"),
        (Methods.GenerateTakesNothing, "is called as generate(self, input, output)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_methods(cls: type, said: str) -> None:
    assert said in refused(cls)


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


def test_methods_that_can_be_called_are_taken() -> None:
    class Decorated(Task):
        @decorated
        def run(self) -> None: ...  # type: ignore[override]  # what the decorator does is its own affair

    class Partial(Task):
        run = functools.partialmethod(lambda self, extra, input, output: None, 1)  # type: ignore[assignment]

    class Static(Task):
        @staticmethod
        def input() -> None: ...

    class Defaults(Task):
        def run(self, input: Any = None, output: Any = None, *more: Any, seed: int = 1) -> None: ...

    class Tags(Task):
        tags = {"gpu"}  # type: ignore[assignment]  # noqa: RUF012

    for cls in (Decorated, Partial, Static, Defaults, Tags):
        assert cls().task_id


def test_init_var() -> None:
    @dataclass(frozen=True)
    class Seeded(Task):
        seed: InitVar[int] = 3

    assert "Seeded.seed is an InitVar" in refused(lambda: Seeded(4))


def test_a_subclass_that_was_not_decorated_says_so_when_it_is_given_its_new_field() -> None:
    class Deep(Train):
        width: int = 1

    assert "Deep declares fields but is not a dataclass" in refused(lambda: Deep(width=4))  # type: ignore[call-arg]
    assert Train(depth=4).depth == 4
    with pytest.raises(TypeError, match="unexpected keyword argument 'width'"):
        Train(width=4)  # type: ignore[call-arg]


def test_build_output_stays_quick_for_bases_of_others() -> None:
    @dataclass(frozen=True)
    class Base(Task):
        n: int

        def output(self) -> BinaryOutput[int]:
            return self.build_output(BinaryOutput[int], key="n")

    @dataclass(frozen=True)
    class Derived(Base):
        m: int = 0

    assert Base.__class_info__.rebuildable if Base(1) else False
    assert Derived(1, 2).__class_info__.rebuildable


@pytest.mark.parametrize(
    "pinned", [5, ("shop", "clean"), property(lambda self: "clean"), classmethod(lambda cls: "clean")]
)
def test_a_pinned_name_is_a_text(pinned: Any) -> None:
    @dataclass(frozen=True)
    class Pinned(Task):
        task_name = pinned

    with pytest.raises(DefinitionError, match=r"Pinned\.task_name must be a text, such as 'shop\.clean', not "):
        print(Pinned().task_id)


@pytest.mark.parametrize("odd", [object(), lambda self: 2, classmethod(lambda cls: 2)])
def test_a_version_is_plain(odd: Any) -> None:
    @dataclass(frozen=True)
    class Versioned(Task):
        version = odd

    with pytest.raises(DefinitionError, match=r"Versioned\.version must be a number or a text, not "):
        print(Versioned().task_id)


def test_a_property_for_the_field_of_resources_names_the_remedy() -> None:
    with pytest.raises(DefinitionError, match=r"Large\.resource_spec is a property, .* resource_spec = ResourceSpec"):

        class Large(Task):
            @property
            def resource_spec(self) -> Any:  # type: ignore[override]
                return None


def test_one_key_twice_is_told_of_the_one_task() -> None:
    error = OutputConflict("m.T.1.a", ("m.T.1", "m.T.1"))
    assert str(error).startswith("output() of m.T.1 gives the key 'm.T.1.a' twice; give each its own key")


def test_what_wraps_no_task_is_refused() -> None:
    @dataclass(frozen=True)
    class Both(WrapperTask):
        n: int = 0

    with pytest.raises(DefinitionError, match=r"Both\.task must be the task that it wraps, not 1"):
        print(Both(1).task_id)  # type: ignore[arg-type]
