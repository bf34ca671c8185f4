"""``@alexflow.task``: a function as a task."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Generator, Iterator
from typing import Any, Never, ParamSpec, Protocol, TypeVar, overload

from alexflow.functions.class_of_function import make_class, unknown_settings
from alexflow.model import AbstractTask, Output, ResourceSpec, Retry, TaskOptions
from alexflow.model.function_task import FunctionTask

P = ParamSpec("P")
R = TypeVar("R")

#: What a dynamic function yields.
Given = Output[Any] | AbstractTask | list[Any] | tuple[Any, ...]


class Decorator(Protocol):
    """From a function to its task."""

    @overload
    def __call__(  # type: ignore[overload-overlap]  # a generator that returns nothing is either
        self, function: Callable[P, Generator[Given, Any, R]], /
    ) -> FunctionTask[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, AsyncIterator[Given]], /) -> FunctionTask[P, None]: ...

    @overload
    def __call__(self, function: Callable[P, Iterator[Given]], /) -> FunctionTask[P, None]: ...

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> FunctionTask[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> FunctionTask[P, R]: ...


@overload
def task(  # type: ignore[overload-overlap]  # as above
    function: Callable[P, Generator[Given, Any, R]], /
) -> FunctionTask[P, R]: ...


@overload
def task(function: Callable[P, AsyncIterator[Given]], /) -> FunctionTask[P, None]: ...


@overload
def task(function: Callable[P, Iterator[Given]], /) -> FunctionTask[P, None]: ...


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> FunctionTask[P, R]: ...


@overload
def task(function: Callable[P, R], /) -> FunctionTask[P, R]: ...


@overload
def task(
    *,
    format: type[Output[Any]] | None = None,
    key: str = ...,
    version: str | int | None = None,
    task_name: str | None = None,
    options: TaskOptions | None = None,
    retry: Retry | None = None,
    resource_spec: ResourceSpec | None = None,
    tags: Collection[str] = (),
) -> Decorator: ...


def task(
    function: Any = None,
    /,
    *,
    format: type[Output[Any]] | None = None,
    key: str = "value",
    version: str | int | None = None,
    task_name: str | None = None,
    options: TaskOptions | None = None,
    retry: Retry | None = None,
    resource_spec: ResourceSpec | None = None,
    tags: Collection[str] = (),
    **unknown: Never,
) -> Any:
    """Make a task of a function: a call describes it, and gives the output that its value will be stored in.

    ::

        @alexflow.task
        def mean(numbers: Output[list[int]], scale: float = 1.0) -> float:
            values = numbers.load()
            return scale * sum(values) / len(values)

        print(alexflow.run(mean(numbers)).output.load())

    The parameters are the fields of the task, and its id begins with the function's module and name. The outputs among
    the arguments, also in lists, tuples and dicts, are its input. An ``async def`` runs on the event loop. A function
    that yields outputs or tasks is a dynamic task; its value is what it returns.

    Args:
        function: the function, where the decorator stands without parentheses.
        format: the format of the value. By default JSON, where the return annotation is a type that comes back from it
            as it was: None, bool, int, float, str, lists and dicts (by str) of those, Literal, TypedDict, unions.
        key: name of the output, behind the id of the task.
        version: as a class's: another version gives other ids.
        task_name: as a class's: pins the name in the ids.
        options: executor, time limit and the like.
        retry: the policy for trying again.
        resource_spec: resources that each of its tasks requests.
        tags: names that an engine can limit.

    Raises:
        DefinitionError: the function cannot be a task as it is written, or needs a format; the message says what to do.
    """
    if unknown:
        raise unknown_settings(unknown)
    settings = {"version": version, "task_name": task_name, "options": options, "retry": retry}
    given = {name: value for name, value in settings.items() if value is not None}

    def decorated(function: Any) -> Any:
        return make_class(function, format, key, given, resource_spec, tags)

    return decorated if function is None else decorated(function)
