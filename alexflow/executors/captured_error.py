"""An exception, taken apart where it was raised and rebuilt where it is reported.

It travels as text, which always arrives. The exception itself goes along only if it has been seen to survive: many
cannot be unpickled, and some of those break what tries.
"""

from __future__ import annotations

import importlib
import os
import pickle
import sys
import traceback
from collections.abc import Sequence
from itertools import dropwhile
from math import inf
from typing import Any, Literal, cast

from msgspec import Struct

from alexflow.errors import (
    DefinitionError,
    NonDeterministicTask,
    OutputMissing,
    OutputNotFound,
    Pruned,
    RetryAfter,
    SourceChanged,
    SourceNotFound,
    StorageDenied,
    StorageFull,
    TaskError,
    TaskFailed,
)
from alexflow.executors.interface import Job, NotDone, Printed
from alexflow.hooks import as_cause, class_name, is_a, is_ctrl_c, own_attribute, plain_text, repr_of, text_of
from alexflow.model import AbstractTask
from alexflow.model.mutation import describe_change
from alexflow.model.retry import names_of

#: Larger exceptions (they may hold data) stay where they are; their text does not.
LARGEST_EXCEPTION = 1_000_000  # bytes, pickled

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

#: Files whose frames are not shown: ours, and how Python imports a module.
_UNSHOWN = (_PACKAGE, "<frozen importlib.", os.path.dirname(importlib.__file__) + os.sep)

#: Trying again cannot help. A task's own OSError is none of these, whatever its number: the task may know better.
_FATAL = (TaskError, DefinitionError, StorageFull, StorageDenied, SourceChanged, SourceNotFound)

#: What stands between our own first frame and the user's: how code gets into a thread.
_WAY_IN = ("alexflow", "anyio", "asyncio", "concurrent.futures", "threading")


#: Errors that attempts of ours raise. One that a task's code raises, such as that of a run within it, is its own.
_OURS = (OutputMissing, NonDeterministicTask)


class CapturedError(Struct, frozen=True, array_like=True):
    """The exception of an attempt, ready to travel.

    Attributes:
        reason: as in :class:`NotDone`.
        error_type: qualified name of the exception's class.
        message: its ``str()``.
        traceback: as text, without alexflow's own frames.
        pickled: the exception, if it survives being pickled and unpickled.
        missing_input: the key that was not found, if that was it.
        error_classes: qualified names of the exception's class and its bases.
        retry_after: seconds for which it asks, if it is a :class:`~alexflow.errors.RetryAfter`.
    """

    reason: Literal["error", "fatal", "input"]
    error_type: str
    message: str
    traceback: str
    pickled: bytes | None = None
    missing_input: str = ""
    error_classes: tuple[str, ...] = ()
    retry_after: float | None = None


def capture_error(error: BaseException, *, travels: bool) -> CapturedError:
    """Take an exception apart. Whatever the user's exception does meanwhile, at least its class is kept.

    Args:
        error: what an attempt raised.
        travels: whether it goes to another process.
    """
    try:
        return _taken_apart(error, travels)
    except BaseException as second:
        if is_ctrl_c(second):
            raise
        name = class_name(type(error))
        why = f"it cannot be reported in full: {class_name(type(second))}"
        return CapturedError("error", name, why, f"{name}: {why}", error_classes=(name,))


def _taken_apart(error: BaseException, travels: bool) -> CapturedError:
    missing = _missing_key(error)
    fatal = issubclass(type(error), _FATAL)  # isinstance() would ask the user's __class__
    return CapturedError(
        reason="input" if missing else "fatal" if fatal else "error",
        error_type=class_name(type(error)),
        message=text_of(error),
        traceback=_traceback_of(error),
        pickled=_pickled(error) if travels else None,
        missing_input=missing,
        error_classes=names_of(type(error)),
        retry_after=_retry_after(error),
    )


def pruned(job: Job, *, seconds: float = 0.0, printed: Printed | None = None, worker: int = 0) -> NotDone:
    """Return the outcome of a job that ended early, as it was asked to, without all that its task declares."""
    error = Pruned(job.task_id, "was pruned: Engine.prune ended it early", summary=repr_of(job.task))
    return NotDone(job.task_id, "fatal", error, seconds, printed=printed, worker=worker)


def not_done(
    task_id: str,
    task: AbstractTask,
    fault: CapturedError,
    *,
    cause: BaseException | None = None,
    seconds: float = 0.0,
    printed: Printed | None = None,
    worker: int = 0,
) -> NotDone:
    """Put a fault together as an outcome.

    Args:
        task_id: the task.
        task: the task, for its summary.
        fault: what went wrong.
        cause: the exception itself, where it is at hand; else it is unpickled if it can be.
        seconds: how long the attempt took.
        printed: what it printed, where that is captured.
        worker: the process id of the worker in which it was; 0 for none.

    Returns:
        An outcome in any case. If the exception cannot be rebuilt, its text stands for it.
    """
    if cause is None and fault.pickled is not None:
        cause = _unpickled(fault.pickled)
    try:
        ours = _as_ours(cause, task_id)
        behind = as_cause(cause)
    except BaseException as second:  # of the user's exception
        if is_ctrl_c(second):
            raise
        ours = behind = None
    if ours is not None:
        ours.summary = ours.summary or repr_of(task)
        if type(ours) is NonDeterministicTask:
            ours.message = _change_of(task, task_id) or ours.message
        return NotDone(task_id, "fatal", ours, seconds, printed=printed, worker=worker)
    error = TaskFailed(
        task_id,
        error_type=fault.error_type,
        error_message=fault.message,
        traceback=fault.traceback,
        error_classes=fault.error_classes,
        summary=repr_of(task),
    )
    error.__cause__ = behind
    more = fault.missing_input, printed, worker, fault.retry_after
    return NotDone(task_id, fault.reason, error, seconds, *more)


def _retry_after(error: BaseException) -> float | None:
    """The seconds for which an exception asks, if it does."""
    if not issubclass(type(error), RetryAfter):
        return None
    seconds = vars(error).get("seconds")
    return float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < inf else None


def _change_of(task: AbstractTask, task_id: str) -> str:
    """Describe how a task differs here from where it was refused; empty if it does not."""
    try:
        return describe_change(task, task_id)
    except BaseException as error:  # of the user's own
        if is_ctrl_c(error):
            raise
        return ""


def _missing_key(error: BaseException) -> str:
    """The key of an input that is gone, if that is what an exception says."""
    if not issubclass(type(error), OutputNotFound):
        return ""
    try:
        key = getattr(error, "key", "")
        return plain_text(key) if type(key) is str else ""
    except BaseException:  # of a class of the user's
        return ""


def _as_ours(error: BaseException | None, task_id: str) -> TaskError | None:
    """The error, if an attempt of ours at this task has raised it."""
    if error is None or not any(type(error) is cls for cls in _OURS):  # `in` would ask the metaclass
        return None
    state = vars(error)
    whole = all(type(state.get(name)) is str for name in ("task_id", "message", "summary"))
    return cast(TaskError, error) if whole and state["task_id"] == task_id else None


def _traceback_of(error: BaseException) -> str:
    try:
        cause = error.__cause__
        if cause is not None and not _users(traceback.extract_tb(error.__traceback__)):
            error = cause  # one that alexflow raised: its message stands above the traceback already
        formatted = traceback.TracebackException.from_exception(error, compact=True)
        seen: set[int] = set()
        pending: list[Any] = [formatted]
        while pending:
            part = pending.pop()
            if part is None or id(part) in seen:
                continue
            seen.add(id(part))
            part.stack = traceback.StackSummary.from_list(_users(part.stack))
            pending += [part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())]
        return plain_text("".join(formatted.format()))
    except BaseException as second:  # an attribute of the user's that raises; the way there can still be shown
        stack = _users(traceback.extract_tb(own_attribute(error, "__traceback__")))
        shown = "".join(traceback.StackSummary.from_list(stack).format())
        text = f"{class_name(type(error))}: {text_of(error)}"
        why = f"(it cannot be shown in full: {class_name(type(second))})"
        return plain_text(f"Traceback (most recent call last):\n{shown}{text} {why}")


def _users(stack: Sequence[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """The frames of the user's code and of what it calls, but for ours and those of Python's own import."""
    frames = iter(stack)
    if stack and stack[0].filename.startswith(_PACKAGE):
        way_in = tuple(_place(name) for name in _WAY_IN if name in sys.modules)  # a worker has not imported them all
        frames = dropwhile(lambda frame: frame.filename.startswith(way_in), frames)
    return [frame for frame in frames if not frame.filename.startswith(_UNSHOWN)]


def _place(name: str) -> str:
    file = sys.modules[name].__file__ or ""
    return os.path.dirname(file) + os.sep if os.path.basename(file) == "__init__.py" else file


def _pickled(error: BaseException) -> bytes | None:
    try:
        data = pickle.dumps(error, protocol=5)
        if len(data) > LARGEST_EXCEPTION:
            return None
        return data if isinstance(pickle.loads(data), BaseException) else None
    except BaseException:  # anything may happen in a user's __reduce__ or constructor, exits too; the text has to do
        return None


def _unpickled(data: bytes) -> BaseException | None:
    try:
        error = pickle.loads(data)
    except BaseException:  # its class may be unknown here, its constructor may do anything; the text has to do
        return None
    return error if is_a(error, BaseException) else None
