"""The context of a request, as the tasks see it that run for it: values of chosen ContextVars, and a span.

Tasks run in the context in which their engine was opened, so that nothing of a request stays with what outlives it.
What is to reach them is captured when the request is made, and entered where the task runs: on the loop, in a thread,
or in a worker process, to which values travel pickled, under the names by which modules have their variables.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterable, Sequence
from contextvars import ContextVar, copy_context
from typing import Any, Protocol

from msgspec import Struct

from alexflow.arguments import wrong_argument
from alexflow.errors import DefinitionError
from alexflow.executors.trace_context import TraceHeaders
from alexflow.hooks import SHORT_TEXT, class_name, passes, repr_of, text_of


class ContextMessage(Struct, frozen=True, array_like=True):
    """The context that a worker enters before a task.

    Attributes:
        values: pickled, by the names of their variables, ``module:name``.
        trace: the task's span; None if there is none.
    """

    values: dict[str, bytes]
    trace: TraceHeaders | None = None


class Tracing(Protocol):
    """Makes the spans of tasks."""

    def capture(self) -> Any:
        """Return the caller's context, as OpenTelemetry has it."""
        ...

    def enter(self, task_id: str, run_id: str, captured: Any) -> None:
        """Make a task's span that of the current context, as its attempt begins here."""
        ...

    def headers(self, task_id: str, run_id: str, captured: Any) -> TraceHeaders | None:
        """Return the span of a task whose attempt begins in another process; None if it has none."""
        ...


class CarriedVariable(Struct, frozen=True):
    """A ContextVar, and the name by which another process finds it, ``module:name``."""

    variable: ContextVar[Any]
    name: str


class RequestContext:
    """The captured context of one request.

    Attributes:
        run_id: the id of its run, once a task needs it.
    """

    __slots__ = ("_captured", "_packed", "_tracing", "_values", "run_id")

    def __init__(
        self,
        values: Sequence[tuple[ContextVar[Any], Any]],
        packed: dict[str, bytes],
        tracing: Tracing | None,
        captured: Any,
    ):
        self._values = values
        self._packed = packed
        self._tracing = tracing
        self._captured = captured
        self.run_id = ""

    def enter(self, task_id: str) -> None:
        """Set it in the current context, which is a task's."""
        for variable, value in self._values:
            variable.set(value)
        if self._tracing is not None:
            self._tracing.enter(task_id, self.run_id, self._captured)

    def message(self, task_id: str) -> ContextMessage | None:
        """Return it as it travels to the process in which a task begins."""
        trace = None if self._tracing is None else self._tracing.headers(task_id, self.run_id, self._captured)
        return ContextMessage(self._packed, trace) if trace is not None or self._packed else None


class RequestContexts:
    """Captures the contexts of an engine's requests.

    Args:
        variables: those that are carried.

    Attributes:
        tracing: makes the spans of tasks, if the engine is instrumented.
    """

    def __init__(self, variables: Sequence[CarriedVariable] = ()):
        self._variables = variables
        self.tracing: Tracing | None = None

    def capture(self) -> RequestContext | None:
        """Capture the current context.

        Raises:
            DefinitionError: a value cannot be pickled.
        """
        if not self._variables and self.tracing is None:
            return None
        context = copy_context()
        values: list[tuple[ContextVar[Any], Any]] = []
        packed: dict[str, bytes] = {}
        for carried in self._variables:
            if carried.variable in context:
                value = context[carried.variable]
                packed[carried.name] = _pickled(carried, value)
                values.append((carried.variable, value))
        return RequestContext(values, packed, self.tracing, None if self.tracing is None else self.tracing.capture())


def _pickled(carried: CarriedVariable, value: Any) -> bytes:
    try:
        return pickle.dumps(value, protocol=5)
    except BaseException as error:  # whatever the user's value does when it is pickled
        if passes(error):
            raise
        raise DefinitionError(
            f"carry: the value of {carried.variable.name!r} is {repr_of(value, SHORT_TEXT)}, which cannot be sent to a "
            f"worker process: {class_name(type(error))}: {text_of(error)}; carry something picklable, such as an id"
        ) from error


def carried_variables(carry: object) -> list[CarriedVariable]:
    """Check an engine's ``carry``, and find the names of its variables.

    Raises:
        DefinitionError: it is no list of ContextVars, or one is in no module.
    """
    if isinstance(carry, ContextVar) or not isinstance(carry, Iterable):
        raise wrong_argument("carry", carry, "a list of ContextVars, such as [request_id]")
    variables: list[CarriedVariable] = []
    for number, variable in enumerate(carry):
        if not isinstance(variable, ContextVar):
            raise wrong_argument(f"carry[{number}]", variable, "a ContextVar")
        name = name_of_variable(variable)
        if name is None:
            raise DefinitionError(
                f"carry[{number}]: the ContextVar {variable.name!r} is in no module; make it a global of one, so that "
                f"worker processes find it"
            )
        variables.append(CarriedVariable(variable, name))
    return variables


def name_of_variable(variable: ContextVar[Any]) -> str | None:
    """Return the name by which a module has a ContextVar, ``module:name``; None if none has."""
    found = ""
    for module_name, module in reversed(list(sys.modules.items())):  # a program's own are the last
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is variable:
                found = f"{module_name}:{name}"
                if module_name != "__main__":
                    return found
    return found or None
