"""The worker's side of a request's context: its variables are found, and set for one job.

A variable of the script or notebook, whose module no worker imports, is made here once, under its name: functions that
came by value refer to the same one.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from importlib import import_module
from typing import Any

from alexflow.errors import ShippingError, TaskStopped
from alexflow.executors.attempt import attempt
from alexflow.executors.process.worker.import_hook import when_imported
from alexflow.executors.request_context import ContextMessage
from alexflow.executors.trace_context import current_trace, enter_trace
from alexflow.forks import contained
from alexflow.hooks import class_name, text_of
from alexflow.model import AbstractTask
from alexflow.storage import Transaction

#: What the running job was sent with.
_entered: ContextVar[ContextMessage | None] = ContextVar("alexflow_request_context", default=None)

_variables: dict[str, ContextVar[Any]] = {}


def context_variable(name: str, own_name: str, default: tuple[Any, ...] = ()) -> ContextVar[Any]:
    """Return the variable that a module has, ``module:name``; one of a module that is not imported here is made."""
    variable = _variables.get(name)
    if variable is None:
        variable = _imported(name)
        if variable is None:
            variable = ContextVar(own_name, default=default[0]) if default else ContextVar(own_name)
        _variables[name] = variable
    return variable


def _imported(name: str) -> ContextVar[Any] | None:
    module, _, attribute = name.partition(":")
    if module == "__main__":
        return None
    try:
        found = getattr(contained(import_module, module), attribute, None)
    except (ImportError, AttributeError):  # that of a notebook's file, or one that is only there
        return None
    return found if isinstance(found, ContextVar) else None


def attempt_in(message: ContextMessage) -> Callable[[AbstractTask, Transaction], None]:
    """Return what runs an attempt, in a context of its own, with that of its request."""
    return partial(_attempt_in, message)


def _attempt_in(message: ContextMessage, task: AbstractTask, transaction: Transaction) -> None:
    _entered.set(message)
    for name, pickled in message.values.items():
        try:
            variable = context_variable(name, name.rpartition(":")[2])
            variable.set(contained(pickle.loads, pickled))
        except TaskStopped:
            raise
        except BaseException as error:  # of the user's module, or value
            why = f"{class_name(type(error))}: {text_of(error)}"
            raise ShippingError(f"carry: {name} cannot be set in a worker process: {why}") from error
    if message.trace is not None:
        if "opentelemetry.trace" in sys.modules:
            enter_trace(message.trace)
        else:
            _enter_when_imported()
    attempt(task, transaction)


def _enter_when_imported() -> None:
    if not _is_awaited:
        _is_awaited.append(True)
        when_imported("opentelemetry.trace", _enter_now)


_is_awaited: list[bool] = []


def _enter_now() -> None:
    """Enter the span of the job that has imported the library."""
    message = _entered.get()
    if message is not None and message.trace is not None:
        enter_trace(message.trace)


def traceparent_here() -> str:
    """Return the span in which code runs; "" if there is none."""
    message = _entered.get()
    of_job = "" if message is None or message.trace is None else message.trace.traceparent
    return current_trace().traceparent or of_job
