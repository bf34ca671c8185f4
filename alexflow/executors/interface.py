"""The interface of executors: they run jobs, and have no notion of graphs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from alexflow.errors import TaskError
from alexflow.executors.current_attempt import CurrentAttempt
from alexflow.executors.lacks import Lack
from alexflow.executors.request_context import RequestContext
from alexflow.model import AbstractTask, InOut
from alexflow.model.executor_kinds import ExecutorKind
from alexflow.model.resource_spec import Needs
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
        key: the same for jobs that probably take equally long, such as those of one class; "" if nothing is known.
        priority: the higher, the sooner.
        needs: what it needs of the machine; None for a place, like any other.
        context: what its code sees of its request's context; None for nothing.
    """

    task_id: str
    task: AbstractTask
    timeout: float | None = None
    replace: bool = False
    outputs: InOut = None
    key: Hashable = ""
    priority: int = 0
    needs: Needs | None = None
    context: RequestContext | None = None


class Printed(Struct, frozen=True):
    """The output of a task and of what it started; of a long one, the beginning and the end."""

    stdout: str
    stderr: str


class Usage(Struct, frozen=True, array_like=True):
    """Time, memory and outputs of an attempt, for the record.

    Attributes:
        worker: the process id of the worker in which it was; 0 for none.
        cpu: microseconds of processor time; None where others' work cannot be subtracted.
        rss: the peak of the worker's memory during the attempt, in bytes; None for the engine's own process.
        stored: the size of each output that was published, and the digest of its bytes if it is known, by key.
        ended: when it ended, in seconds of the monotonic clock, which all processes of a machine share.
    """

    worker: int
    cpu: int | None
    rss: int | None
    stored: dict[str, tuple[int, bytes]]
    ended: float


class RemoteUsage(Usage, frozen=True):
    """The same of an attempt on another machine; ``ended`` is of the engine's clock.

    Attributes:
        host: that machine.
    """

    host: str = ""


class Done(Struct, frozen=True):
    """The task has run; its outputs are published.

    Attributes:
        seconds: what ``run`` and publishing took.
        printed: what it printed, if anything, where that is captured.
        overtaken: keys that were already published; what this task stored there was dropped.
        usage: what it has used and stored, if that is known.
        generated: the number of children of a dynamic task; None for others.
    """

    task_id: str
    seconds: float
    printed: Printed | None = None
    overtaken: tuple[str, ...] = ()
    usage: Usage | None = None
    generated: int | None = None


class NotDone(Struct, frozen=True):
    """The attempt failed.

    Attributes:
        reason: ``error``, the task's own code; ``lost``, its process died; ``fatal``, a retry cannot help;
            ``input``, an input is gone; ``cancelled``, as requested.
        error: for the user; None when cancelled.
        missing_input: the key of the input that is gone.
        printed: as for :class:`Done`.
        worker: the process id of the worker in which it was; 0 for none.
        retry_after: seconds after which it wants to start again, which is no failure; None for a failure.
        host: the machine of the worker; "" for the engine's own.
    """

    task_id: str
    reason: Literal["error", "lost", "fatal", "input", "cancelled"]
    error: TaskError | None = None
    seconds: float = 0.0
    missing_input: str = ""
    printed: Printed | None = None
    worker: int = 0
    retry_after: float | None = None
    host: str = ""


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


#: Whether a job may be taken now; called once for each, in their order. False ends it; None passes over this one.
Fits = Callable[[Job], bool | None]


class JobSource(ABC):
    """The jobs that are ready for an executor, in the order in which they should begin.

    They are in the scheduler's ready queue, and stay there until the executor has a place for them: until then they can
    be withdrawn, and others can go first, without the executor. A job that has been taken has begun for all others.
    """

    @abstractmethod
    def __len__(self) -> int:
        """The number of jobs that are ready."""

    @property
    def urgency(self) -> int:
        """The priority of the first job."""
        return 0

    @abstractmethod
    def keys(self, most: int) -> list[Hashable]:
        """Return the keys of the first so many jobs."""

    @abstractmethod
    def take(self, limit: int, fits: Fits | None = None) -> list[Job]:
        """Take the first jobs: so many at most, and none from the first on that ends it. Those passed over stay."""

    @property
    def withdrawn(self) -> int:
        """The number of jobs that were withdrawn before anything took them; 0 if that is not counted."""
        return 0

    @abstractmethod
    def __contains__(self, task_id: object) -> bool:
        """Whether the job of a task is ready and has not been taken."""

    @abstractmethod
    def claim(self, task_id: str) -> Job | None:
        """Take a certain job, out of turn; None if it is not ready."""

    @property
    def watched(self) -> bool:
        """Whether it is of interest when a job begins; if not, :meth:`began` need not be called."""
        return False

    def began(  # noqa: B027  # of interest to engines only
        self,
        task_id: str,
        worker: int = 0,
        *,
        host: str = "",
        devices: Mapping[str, tuple[int | str, ...]] | None = None,
        cores: tuple[int, ...] = (),
    ) -> None:
        """Note that a job has begun that was taken; for executors that take jobs before they have a place.

        It may be reported again, and need not be reported of jobs that end in the same moment.

        Args:
            task_id: its task.
            worker: the process id of the worker; 0 in the engine's process.
            host: the worker's machine; "" for the engine's.
            devices: what it was given of each kind.
            cores: CPUs to which it is bound.
        """

    def passed_over(self, task_id: str, lack: Lack) -> None:  # noqa: B027  # of interest to engines only
        """Note that a job was passed over for lack of something. It may be reported again."""

    @abstractmethod
    def put_back(self, jobs: Sequence[Job]) -> None:
        """Give back jobs that have not begun. They are the first again, in this order, and nothing is counted."""

    @abstractmethod
    def successors_of(self, task_id: str) -> Iterable[Job]:
        """Yield jobs that will be ready as soon as the job of a task has succeeded; for executors that prefetch."""

    def may_have_successors(self, task_ids: Sequence[str]) -> bool:
        """Whether one of these tasks may have a job that will be ready as soon as its own has succeeded."""
        return True

    def ended_ahead(self, task_ids: Sequence[str]) -> None:  # noqa: B027  # of interest to engines only
        """Note jobs that have succeeded before they were ready, each behind that for which it was sent ahead.

        The outcome of that is reported next. What is ready with it is collected (:meth:`Executor.collect`), and counts
        as taken.
        """

    @abstractmethod
    def prefetch(self, jobs: Sequence[Job]) -> None:
        """Note jobs that the executor is about to send before they are ready, many in one call."""


#: The methods of an executor that concern jobs. One that stands before another hands these on.
JOB_METHODS = ("expect", "offer", "cancel", "prune", "forget", "invalidate", "ahead", "collect", "lacks", "at_work")


class WorkerCounts(Struct, frozen=True):
    """The worker processes of an executor.

    Attributes:
        alive: those that have been started and take jobs.
        starting: those that have been requested and are not there yet.
        deaths: how many have died that nothing had ended on purpose.
    """

    alive: int = 0
    starting: int = 0
    deaths: int = 0


class Executor(ABC):
    """Runs jobs somewhere. All methods are called on the engine's event loop and return at once, but for ``aclose``.

    It takes jobs from its source whenever it has a place for one: when it is offered some, and when a place comes free.

    Attributes:
        kind: its name and what it can do; a registered one gets that under which it was registered.
    """

    kind: ExecutorKind = ExecutorKind("custom")

    @abstractmethod
    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        """Make ready; called once, before anything else.

        Args:
            storage: where tasks read and publish.
            report: called with the outcomes; exactly one for each job that was taken and not put back.
            source: the jobs.
        """

    def expect(self, tasks: Sequence[AbstractTask]) -> None:  # noqa: B027  # most have nothing to prepare
        """Prepare for jobs of such tasks: what takes a while to start can start now. The source gives nothing yet."""

    @abstractmethod
    def offer(self, task_ids: Sequence[str]) -> None:
        """Take jobs, if there are places: those of these tasks have become ready, and are in the source."""

    @abstractmethod
    def cancel(self, task_ids: Sequence[str]) -> None:
        """Stop these tasks, whose jobs were taken, as soon as possible; an outcome is still reported for each."""

    def prune(self, task_id: str) -> bool:
        """Let the attempt at a task end early; an outcome is still reported.

        It may store what it has, and ends as done if that is all that its task declares. After the grace period it is
        stopped.

        Returns:
            Whether one is running.
        """
        return False

    def forget(self, task_ids: Sequence[str]) -> None:  # noqa: B027  # most look no further than what is ready
        """Drop tasks that are over or not wanted any more: none will be ready, not even a speculative one."""

    def invalidate(self) -> None:  # noqa: B027  # most cache nothing besides the storage, which has its own call
        """Outputs that exist may be others than before: read nothing from memory that was read or made until now."""

    def lacks(self, job: Job) -> Sequence[Lack]:
        """Return what a job that is ready, and has not been taken, waits for, as far as that is counted here."""
        return ()

    def at_work(self) -> list[CurrentAttempt]:
        """Return what runs now, without the jobs that wait in a worker for their turn; for pages that show it."""
        return []

    @property
    def places(self) -> int:
        """The number of jobs that it runs at once."""
        return 1

    @property
    def workers(self) -> WorkerCounts:
        """Its worker processes, if it has any."""
        return WorkerCounts()

    async def start_workers(self, classes: Collection[type]) -> None:  # noqa: B027  # most have none
        """Start all workers that it may have, and wait until they have imported what tasks of these classes need.

        Raises:
            WorkerDied: workers cannot be started.
        """

    def ahead(self) -> list[Job]:
        """Return the speculative jobs: they run, or will, and were not ready when they were sent."""
        return []

    def collect(self, task_ids: Sequence[str]) -> list[Done]:
        """Return the outcomes of those of these jobs that have succeeded before they were ready; none is reported."""
        return []

    @abstractmethod
    async def aclose(self) -> None:
        """Stop everything and release everything."""

    def kill(self) -> None:  # noqa: B027  # some give no time
        """End at once what :meth:`aclose` gives time to end; may be called by a signal handler."""
