"""Everything that alexflow raises on purpose, as one tree.

The class of an error says whose fault it is, and so whether trying again can help:

    AlexflowError
    ├── DefinitionError            the workflow as written is wrong; fix the code
    │   ├── HookError              a method or property of a user's class raised while the graph was described
    │   ├── IdentityError          a parameter has no stable identity
    │   ├── InvalidKey             an output key that could leave the storage's root
    │   ├── DocumentError          a serialized document is malformed or names something missing
    │   ├── GraphError             the graph as a whole is wrong; nothing was run
    │   │   ├── CycleError         a task needs its own output
    │   │   ├── OutputConflict     two tasks claim one key
    │   │   └── IncompatibleStorage  a task cannot reach this storage from where it runs
    │   ├── EncodingError          a value cannot be written in its output's format
    │   ├── CodeDiffers            a result was made with other code, and its class refuses that
    │   ├── NoFormat               an output's class is no format
    │   ├── MissingLibrary         a format's library is not installed
    │   └── ShippingError          a parameter cannot travel to a worker process
    ├── TaskError                  one task went wrong; see its attributes
    │   ├── TaskFailed             its own code raised
    │   ├── TaskTimeout            it took longer than its `timeout`
    │   ├── OutputMissing          `run` returned without storing an output
    │   ├── NonDeterministicTask   its id differs where it runs
    │   ├── Pruned                 it was ended early: `Engine.prune`
    │   ├── NoAgents               no machine of a cluster was there to run it
    │   └── WorkerDied             its worker process died; tried again within a limit of its own
    ├── StorageError               the storage refused or failed
    │   ├── StorageFull            no room: trying again at once cannot help
    │   ├── StorageDenied          no permission, or read-only: trying again cannot help
    │   ├── StorageUnavailable     it did not answer before the deadline: trying again later may help
    │   ├── OutputNotFound         nothing is stored under this key
    │   │   └── OutputDamaged      what was stored is not what was published; it counts as not stored
    │   ├── DecodingError          what is stored under this key cannot be read in its output's format
    │   ├── UnknownStorage         no storage can be opened from this path or URL
    │   └── OutputNotBound         an output was used without a storage
    ├── RunFailed                  (an ExceptionGroup) raised by `run` and `arun`: all TaskErrors of a run
    ├── NotRecorded                the record says nothing of this key, task or run
    │   └── AmbiguousKey           the beginning of a key fits several
    ├── EngineClosed               the engine was used outside its `async with`
    ├── Overloaded                 the engine has too much to do for this request: trying again later can help
    ├── RetryAfter                 raised by a task's code: the service behind it wants a pause
    └── NotInTask                  `alexflow.current` was used outside a task

:class:`TaskStopped` is outside of the tree, since it is no error: it interrupts the code of a task that has to end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from alexflow.error_base import AlexflowError as AlexflowError
from alexflow.failure_text import beginning, last_lines, times_tried
from alexflow.overload import Overloaded as Overloaded
from alexflow.overload import RetryAfter as RetryAfter

if TYPE_CHECKING:
    from alexflow.failures import Attempt, FailureReport


class DefinitionError(AlexflowError):
    """The workflow as written is wrong; a retry cannot help."""


class HookError(DefinitionError):
    """A method or property of a user's class raised while the graph was described; only that request fails.

    The original exception is the ``__cause__``.

    Attributes:
        owner: the class, as ``module.qualname``.
        hook: the method or property, such as ``"input()"`` or ``"tags"``.
    """

    def __init__(self, owner: str, hook: str, what: str):
        self.owner = owner
        self.hook = hook
        super().__init__(f"{owner}.{hook} raised {what}")


class IdentityError(DefinitionError, TypeError):
    """A significant parameter has no identity that is the same in every process; the message has the path to it."""


class InvalidKey(DefinitionError, ValueError):
    """An output key is empty, absolute, or could name something outside the storage's root."""


class DocumentError(DefinitionError, ValueError):
    """A serialized document is malformed; the message begins with the path to the fault."""


class GraphError(DefinitionError):
    """The graph as a whole is wrong. Raised before any of its tasks has run."""


class CycleError(GraphError):
    """A task needs, directly or through others, its own output.

    Attributes:
        task_ids: the tasks of the cycle, each followed by one that it needs.
    """

    def __init__(self, task_ids: Sequence[str]):
        self.task_ids = tuple(task_ids)
        path = "\n  needs ".join([*self.task_ids, self.task_ids[0]])
        super().__init__(f"these tasks need each other's outputs, so none can start:\n  {path}")


class OutputConflict(GraphError):
    """Two different tasks claim one output key.

    Attributes:
        key: the key that both claim.
        task_ids: the two claimants.
    """

    def __init__(self, key: str, task_ids: tuple[str, str], hint: str = ""):
        self.key, self.task_ids = key, task_ids
        one, other = task_ids
        text = f"two tasks claim the output key {key!r}: {one} and {other}" if one != other else ""
        text = text or f"output() of {one} gives the key {key!r} twice"
        super().__init__(f"{text}; give each its own key with build_output(...)" + (f" ({hint})" if hint else ""))


class IncompatibleStorage(GraphError):
    """A task would run where its storage cannot be reached."""


class EncodingError(DefinitionError):
    """A value given to ``store`` cannot be written in its output's format; the message names both."""


class NoFormat(DefinitionError, TypeError):
    """An output's class does not say how a value becomes bytes; the message names the methods that it lacks."""


class MissingLibrary(DefinitionError, ImportError):
    """The library behind an output's format is not installed; the message names alexflow's extra that brings it."""


class ShippingError(DefinitionError):
    """A task cannot be sent to a worker process; the message names class and field."""


class TaskError(AlexflowError):
    """One task went wrong.

    Attributes:
        task_id: the task.
        summary: its class and parameters, for people.
        attempts: number of attempts.
        deaths: number of attempts that ended with the death of the worker process.
        history: the end of each attempt, of the last 20 at most; empty while there may be another attempt.
        stdout: the end of its standard output in a worker process, up to 4,000 characters.
        stderr: the same of standard error.
    """

    def __init__(self, task_id: str, message: str, *, summary: str = "", attempts: int = 1):
        self.task_id = task_id
        self.message = message
        self.summary = summary
        self.attempts = attempts
        self.deaths = 0
        self.history: tuple[Attempt, ...] = ()
        self.stdout = ""
        self.stderr = ""
        super().__init__(task_id, message)

    def __str__(self) -> str:
        tries, details = times_tried(self.attempts, self.deaths), self._details()
        what = f"\n  task: {self.summary}" if self.summary else ""
        printed = last_lines("stdout", self.stdout) + last_lines("stderr", self.stderr)
        return f"{self.task_id}: {beginning(self.message, details)}{tries}{what}{details}{printed}"

    def _details(self) -> str:
        """Further lines of a kind of error."""
        return ""


class TaskFailed(TaskError):
    """The task's own code raised.

    The original exception is the ``__cause__`` if it could be sent from the worker; its text is always here.

    Attributes:
        error_type: qualified name of the original exception's class.
        error_message: its ``str()``.
        traceback: its traceback as text, without alexflow's own frames.
        error_classes: qualified names of its class and of that class's bases; empty if they are not known.
    """

    def __init__(
        self,
        task_id: str,
        *,
        error_type: str,
        error_message: str,
        traceback: str,
        error_classes: tuple[str, ...] = (),
        summary: str = "",
        attempts: int = 1,
    ):
        self.error_classes = error_classes
        self.error_type = error_type
        self.error_message = error_message
        self.traceback = traceback
        first_line = error_message.partition("\n")[0]
        super().__init__(task_id, f"{error_type}: {first_line}", summary=summary, attempts=attempts)

    def _details(self) -> str:
        return f"\n{self.traceback.rstrip()}"


class TaskTimeout(TaskError):
    """The task took longer than its ``timeout`` and was stopped."""


class TaskStopped(BaseException):
    """Raised inside a plain ``def run`` that has to end: its run was cancelled, or it has reached its ``timeout``.

    Like :class:`asyncio.CancelledError`, which an ``async def run`` gets, it is no :class:`Exception`, so that
    ``except Exception`` does not catch it. ``finally`` blocks run; after the engine's ``grace`` the task is killed.
    Nothing of the attempt is published.
    """


class OutputMissing(TaskError):
    """``run`` returned, but an output that ``output()`` declares was not stored."""


class NonDeterministicTask(TaskError):
    """The task's id, computed again where it runs, differs."""


class Pruned(TaskError):
    """It was ended early, by :meth:`Engine.prune`, and has not stored all of its outputs."""


class NoAgents(TaskError):
    """No agent was there to run this task (:class:`~alexflow.cluster.AgentExecutor`)."""


class WorkerDied(TaskError):
    """The worker process died while it ran this task.

    Attributes:
        exitcode: as :attr:`subprocess.Popen.returncode`, negative for a signal's number; None if it is unknown.
        peak_rss: the peak memory of the process, in bytes; 0 if it is unknown.
    """

    def __init__(
        self,
        task_id: str,
        message: str,
        *,
        exitcode: int | None = None,
        peak_rss: int = 0,
        summary: str = "",
        attempts: int = 1,
    ):
        self.exitcode = exitcode
        self.peak_rss = peak_rss
        super().__init__(task_id, message, summary=summary, attempts=attempts)

    @property
    def signal(self) -> int | None:
        """The number of the signal that killed it, if one did."""
        return -self.exitcode if self.exitcode is not None and self.exitcode < 0 else None


class StorageError(AlexflowError):
    """The storage refused or failed; the message names the key or path.

    Attributes:
        path: the file or key concerned, if there is one.
        errno: the operating system's error number, if there is one (see :mod:`errno`).
    """

    def __init__(self, message: str, *, path: str = "", errno: int | None = None):
        self.path = path
        self.errno = errno
        super().__init__(message)


class StorageFull(StorageError):
    """The storage has no room left: disk, inodes or quota. A task that meets it fails at once, without retries."""


class StorageDenied(StorageError):
    """The storage is read-only, or permission is missing. A task that meets it fails at once, without retries."""


class SourceNotFound(StorageError, LookupError):
    """A source, which was to be at ``url``, does not exist."""

    def __init__(self, url: str):
        self.url = url
        super().__init__(f"there is no source {url}")


class SourceChanged(StorageError):
    """The source at ``url`` has changed since the graph was built, so that its tasks would have other ids now."""

    def __init__(self, url: str):
        self.url = url
        super().__init__(f"the source {url} has changed since the graph was built; build the graph again")


class ReadOnlyAccess(StorageError):
    """The outputs under ``keys`` cannot be removed, since they are in the read-only part of a storage."""

    def __init__(self, keys: Sequence[str], where: str):
        self.keys = tuple(keys)
        super().__init__(f"cannot remove {', '.join(map(repr, keys))} from {where}, which is only read")


class StorageUnavailable(StorageError):
    """Until the deadline, the storage did not answer or was too busy.

    Attributes:
        operation: the operation, such as ``"read"``.
        key: the key concerned.
        attempts: number of attempts.
    """

    def __init__(self, operation: str, key: str, where: str, trouble: str, *, attempts: int, seconds: float):
        self.operation = operation
        self.key = key
        self.attempts = attempts
        what = f"{operation} {key!r} in" if key else operation
        tries = f"{attempts} attempts" if attempts > 1 else "1 attempt"
        super().__init__(f"cannot {what} {where} within {seconds:g} s ({tries}); the last one: {trouble}", path=key)


class OutputNotFound(StorageError, LookupError):
    """Nothing is stored under this key.

    Attributes:
        key: the key that was asked for.
    """

    def __init__(self, key: str, where: str = ""):
        self.key = key
        super().__init__(self._message(where))

    def _message(self, where: str) -> str:
        return f"nothing is stored under {self.key!r}" + (f" in {where}" if where else "")


class OutputDamaged(OutputNotFound):
    """The data stored under this key are not the ones that were published there; they are never given to a task.

    A run that meets this error computes the output again.

    Attributes:
        key: the key that was asked for.
        moved_to: the new path of the damaged file; empty if it could not be moved out of the way.
    """

    def __init__(
        self, key: str, where: str = "", *, moved_to: str = "", because: str = "is not what was published there"
    ):
        self.moved_to = moved_to
        self._because = because
        super().__init__(key, where)

    def _message(self, where: str) -> str:
        now = f"it is kept as {self.moved_to}" if self.moved_to else "it could not be moved out of the way"
        return f"what is stored under {self.key!r} in {where} {self._because}; {now}"


class DecodingError(StorageError):
    """Stored data cannot be read in the output's format: they were stored in another format, or are damaged.

    The exception of the format's library is the ``__cause__``.

    Attributes:
        key: the key; of a source, its URL.
        format: the class of the output.
        trouble: a description of the problem.
    """

    def __init__(self, key: str, format: str, trouble: str):
        self.key = key
        self.format = format
        self.trouble = trouble
        super().__init__(
            f"{key}: what is stored cannot be loaded as {format}: {trouble}; if it was stored in another format, "
            f"load it with that one, else remove() it and make it again",
            path=key,
        )


class UnknownStorage(StorageError, ValueError):
    """No storage can be opened from this path or URL."""


class OutputNotBound(StorageError):
    """An output was loaded, stored or checked without a storage behind it."""


class RunFailed(AlexflowError, ExceptionGroup[TaskError]):
    """A run did not reach all its targets. Holds one :class:`TaskError` per failed task.

    Attributes:
        report: the failures as data and as text: attempts, and the tasks that did not run because of each failure.
    """

    report: FailureReport

    def derive(self, excs: Sequence[TaskError]) -> Self:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # a part of it is one too
        part = type(self)(self.message, excs)
        part.report = self.report
        return part


class NotRecorded(AlexflowError, LookupError):
    """A storage's record says nothing of this key, task or run."""

    name = ""  #: the beginning of a key or an id that was asked for


class AmbiguousKey(NotRecorded):
    """The beginning of a key or id fits several: ``candidates``, at most ten."""

    def __init__(self, prefix: str, candidates: Sequence[str], more: bool = False):
        self.candidates = tuple(candidates)
        super().__init__("\n  ".join((f"{prefix!r} fits several; give more of one:", *candidates, *("…",) * more)))


class CodeDiffers(DefinitionError):
    """The result under ``key`` was made with other code (``names``), which its class refuses: ``code="refuse"``."""

    def __init__(self, key: str, names: Sequence[str], text: str):
        self.key, self.names = key, tuple(names)
        super().__init__(f"{key} was made with other code: {text}; force it, or set TaskOptions(code='warn')")


class EngineClosed(AlexflowError):
    """The engine was used before ``async with`` or after it."""


class StreamRestarted(AlexflowError):
    """An output that is streamed is being made once more: its parts come again from the first, if iteration goes on."""


class NotInTask(AlexflowError):
    """:data:`alexflow.current` was used where no task runs."""
