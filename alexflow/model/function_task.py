"""Function tasks: a task class made of a function, once, when the function is decorated.

The name of the function is bound to the class itself, whose metaclass makes a call give the output and not the task.
So whatever looks a task class up by its name (pickle, a worker, a document, the fingerprint of code, the command line)
finds it as it finds any other, and the class goes wherever a class may go: ``force=``, ``isinstance``.

Rejected: an object that holds the class. Its name would not lead to the class, and each of those would need to know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, ClassVar, Generic, ParamSpec, TypeVar

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of
from alexflow.model.output import Output
from alexflow.model.task import AbstractTask, DynamicTask, Task, task_behind

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

_SHOWN = 80  # characters of a value in a message


class FunctionTask(type, Generic[P, R_co]):
    """The class of a function task: called as the function is, it gives the output.

    Apart from that it is a class of tasks like any other. The parameters are its fields, and
    ``isinstance(mean(…).src_task, mean)``.
    """

    def __call__(cls, /, *args: P.args, **kwargs: P.kwargs) -> Output[R_co]:
        """The output of the task with these parameters: ``mean.task(…).output()``."""
        output: Output[R_co] = cls._made(args, kwargs).output()
        return output

    def task(cls, /, *args: P.args, **kwargs: P.kwargs) -> AbstractTask:
        """The task with these parameters."""
        return cls._made(args, kwargs)

    def _made(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _OfFunction:
        task: _OfFunction = type.__call__(cls, *args, **kwargs)
        wanted: tuple[str, ...] = vars(cls)["__outputs_in__"]
        for name in wanted:
            value = getattr(task, name)
            if not isinstance(value, Output):
                raise TypeError(
                    f"{cls.__qualname__}.{name} is annotated as an Output, and was given {repr_of(value, _SHOWN)}; "
                    f"give it the output of a task{': task.output()' if isinstance(value, AbstractTask) else ''}"
                )
        return task


def constructor_of(cls: type) -> Callable[..., Any]:
    """The callable that makes an instance: the class itself, but that of a function task gives an output."""
    return cls.task if isinstance(cls, FunctionTask) else cls


class _OfFunction(AbstractTask):
    """The part that the classes of all function tasks share.

    Class variables:
        __wrapped__: the function.
        __parameters__: names of the function's parameters.
        __plain_values__: names of those whose annotation is a type that no output is.
        __outputs_in__: names of those that are annotated as an output.
        __stored_as__: format and name of the output.
        __may_be_none__: whether the function may return None, as far as its annotation says.
    """

    __wrapped__: ClassVar[Callable[..., Any]]
    __parameters__: ClassVar[tuple[str, ...]]
    __plain_values__: ClassVar[frozenset[str]]
    __outputs_in__: ClassVar[tuple[str, ...]]
    __stored_as__: ClassVar[tuple[type[Output[Any]], str]]
    __may_be_none__: ClassVar[bool]

    def input(self) -> list[Output[Any]] | None:
        found = [output for name in self.__parameters__ for output in _outputs_in(getattr(self, name))]
        if found:
            self._check_plain_values()
        return found or None

    def _check_plain_values(self) -> None:
        """Refuse an output where the function wants the value itself."""
        for name in self.__plain_values__:
            value = getattr(self, name)
            if isinstance(value, Output):
                raise DefinitionError(
                    f"{type(self).__qualname__}.{name} is annotated as a plain value, and was given {value!r}; "
                    f"annotate it as Output[…], and call {name}.load() in the function"
                )

    def output(self) -> Output[Any]:
        return self.build_output(*self.__stored_as__)

    def _called(self, input: list[Output[Any]] | None) -> Any:
        """Call the function, with the outputs among its arguments bound as those of ``input`` are."""
        bound = iter(input or ())
        arguments = {name: _with_outputs(getattr(self, name), bound) for name in self.__parameters__}
        return type(self).__wrapped__(**arguments)

    def _checked(self, value: Any) -> Any:
        """The value that the function has returned, unless it is a None that stands for a missing ``return``."""
        if value is None and not self.__may_be_none__:
            raise TypeError(
                f"{type(self).__qualname__} returned None, which its annotation does not allow; is a `return` missing?"
            )
        return value


class PlainFunction(_OfFunction, Task, metaclass=FunctionTask):
    """Base of the tasks of a ``def``."""

    def run(self, input: Any, output: Any) -> None:
        output.store(self._checked(self._called(input)))


class AsyncFunction(_OfFunction, Task, metaclass=FunctionTask):
    """Base of the tasks of an ``async def``."""

    async def run(self, input: Any, output: Any) -> None:
        await output.astore(self._checked(await self._called(input)))


class GeneratorFunction(_OfFunction, DynamicTask, metaclass=FunctionTask):
    """Base of the tasks of a ``def`` that yields tasks."""

    def generate(self, input: Any, output: Any) -> Iterator[AbstractTask]:
        generator = self._called(input)
        try:
            while True:
                try:
                    given = next(generator)
                except StopIteration as end:
                    value = end.value
                    break
                yield from _tasks_of(self, given)
        finally:
            generator.close()
        output.store(self._checked(value))


class AsyncGeneratorFunction(_OfFunction, DynamicTask, metaclass=FunctionTask):
    """Base of the tasks of an ``async def`` that yields tasks."""

    async def generate(self, input: Any, output: Any) -> AsyncIterator[AbstractTask]:
        generator = self._called(input)
        try:
            async for given in generator:
                for task in _tasks_of(self, given):
                    yield task
        finally:
            await generator.aclose()
        await output.astore(None)


def _outputs_in(value: Any) -> Iterable[Output[Any]]:
    """The outputs in a parameter: itself, or in lists, tuples and dicts, also nested."""
    if isinstance(value, Output):
        return (value,)
    if isinstance(value, list | tuple):
        return [output for item in value for output in _outputs_in(item)]
    if isinstance(value, dict):
        return [output for item in value.values() for output in _outputs_in(item)]
    return ()


def _with_outputs(value: Any, outputs: Iterator[Output[Any]]) -> Any:
    """A parameter with other outputs in the places of its own, which :func:`_outputs_in` gives in the same order."""
    if isinstance(value, Output):
        return next(outputs)
    if not _outputs_in(value):
        return value
    if isinstance(value, dict):
        return {key: _with_outputs(item, outputs) for key, item in value.items()}
    items = [_with_outputs(item, outputs) for item in value]
    if isinstance(value, list):
        return items
    return type(value)(*items) if hasattr(value, "_fields") else tuple(items)


def _tasks_of(task: AbstractTask, given: Any) -> Iterator[AbstractTask]:
    """The tasks behind what a generator has yielded: a task, an output, or a list or tuple of those."""
    if isinstance(given, AbstractTask):
        yield given
    elif isinstance(given, Output):
        yield task_behind(given)
    elif isinstance(given, list | tuple):
        for item in given:
            yield from _tasks_of(task, item)
    else:
        raise DefinitionError(
            f"{type(task).__qualname__} yields {repr_of(given, SHORT_TEXT)}; yield outputs, as function tasks give "
            f"them when they are called, or tasks"
        )
