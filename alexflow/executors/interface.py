"""The interface of executors: they run jobs, and have no notion of graphs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from alexflow.errors import TaskError
from alexflow.model import AbstractTask, InOut
from alexflow.storage import Storage

#: Seconds that an attempt which is stopped gets to end by itself. What was running in a process is gone within two.
GRACE = 1.0


class Job(Struct, frozen=True):
    """One attempt at one task.

    Attributes:
        task_id: the task's id, as the engine computed it.
        task: the task.
        timeout: seconds that the attempt may take.
        replace: whether outputs that exist are replaced.
        outputs: what the task's ``output`` returned, if that is known.
        key: the same for jobs that probably take equally long, such as those of one class; None for an unknown class.
    """

    task_id: str
    task: AbstractTask
    timeout: float | None = None
    replace: bool = False
    outputs: InOut = None
    key: Hashable = None


class Printed(Struct, frozen=True):
    """The output of a task and of what it started; of a long one, the beginning and the end."""

    stdout: str
    stderr: str


class Usage(Struct, frozen=True, array_like=True):
    """What an attempt has used and stored, for the record.

    Attributes:
        worker: the process id of the worker in which it was; 0 for none.
        cpu: microseconds of processor time; None where others' work cannot be subtracted.
        rss: the peak of the worker's memory until then, in bytes; None for the engine's own process.
        stored: the size of each output that was published, and the digest of its bytes if it is known, by key.
    """

    worker: int
    cpu: int | None
    rss: int | None
    stored: dict[str, tuple[int, bytes]]


class Done(Struct, frozen=True):
    """The task has run; its outputs are published.

    Attributes:
        seconds: what ``run`` and publishing took.
        printed: what it printed, if anything, where that is captured.
        overtaken: keys that were already published; what this task stored there was dropped.
        usage: what it has used and stored, if that is known.
    """

    task_id: str
    seconds: float
    printed: Printed | None = None
    overtaken: tuple[str, ...] = ()
    usage: Usage | None = None


class NotDone(Struct, frozen=True):
    """The attempt failed.

    Attributes:
        reason: ``error``, the task's own code; ``lost``, its process died; ``fatal``, a retry cannot help;
            ``input``, an input is gone; ``cancelled``, as requested.
        error: for the user; None when cancelled.
        missing_input: the key of the input that is gone.
        printed: as for :class:`Done`.
        worker: the process id of the worker in which it was; 0 for none.
    """

    task_id: str
    reason: Literal["error", "lost", "fatal", "input", "cancelled"]
    error: TaskError | None = None
    seconds: float = 0.0
    missing_input: str = ""
    printed: Printed | None = None
    worker: int = 0


class Unsure(Struct, frozen=True):
    """Whether the task has run is not known: the place where it was is gone. Its outputs say so.

    Attributes:
        lost: the outcome if they do not exist; None if the job counts as never begun then.
    """

    task_id: str
    lost: NotDone | None = None


#: The end of a job that is known.
Settled = Done | NotDone

Outcome = Done | NotDone | Unsure

#: Called on the event loop with outcomes as they come, in batches.
Report = Callable[[Sequence[Outcome]], None]


#: Yields the jobs that will be submitted as soon as the job with a certain id has succeeded.
Successors = Callable[[str], Iterable[Job]]


class Executor(ABC):
    """Runs jobs somewhere. All methods are called on the engine's event loop and return at once, but for ``aclose``."""

    @abstractmethod
    def open(self, storage: Storage, report: Report, successors_of: Successors) -> None:
        """Make ready; called once, before anything else.

        Args:
            storage: where tasks read and publish.
            report: called with the outcomes.
            successors_of: for executors that prefetch (:class:`~alexflow.executors.ExecutorKind`).
        """

    def expect(self, tasks: Sequence[AbstractTask]) -> None:  # noqa: B027  # most have nothing to prepare
        """Prepare for jobs of such tasks: what takes a while to start can start now."""

    @abstractmethod
    def submit(self, jobs: Sequence[Job]) -> None:
        """Run these jobs; exactly one outcome is reported for each."""

    @abstractmethod
    def cancel(self, task_ids: Sequence[str]) -> None:
        """Stop these tasks as soon as possible; an outcome is still reported for each."""

    def forget(self, task_ids: Sequence[str]) -> None:  # noqa: B027  # most look no further than what is submitted
        """Drop tasks that are over or not wanted any more: none will be submitted, not even a speculative one."""

    def invalidate(self) -> None:  # noqa: B027  # most cache nothing besides the storage, which has its own call
        """Outputs that exist may be others than before: read nothing from memory that was read or made until now."""

    @property
    def places(self) -> int:
        """The number of jobs that it runs at once."""
        return 1

    def recall(self) -> list[Job]:
        """Return, unreported, the jobs that have not been handed to where they run."""
        return []

    def ahead(self) -> list[Job]:
        """Return the speculative jobs: they run, or will, and have not been submitted."""
        return []

    @abstractmethod
    async def aclose(self) -> None:
        """Stop everything and release everything."""

    def kill(self) -> None:  # noqa: B027  # some give no time
        """End at once what :meth:`aclose` gives time to end; may be called by a signal handler."""
