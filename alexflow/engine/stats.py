"""``EngineStats``: what an engine is doing, in numbers."""

from __future__ import annotations

from msgspec import Struct

from alexflow.executors.interface import WorkerCounts


class ExecutorStats(Struct, frozen=True):
    """One executor.

    Attributes:
        queued: tasks that have all that they read, and wait for a place.
        running: tasks that have been taken by it.
        places: how many it runs at once.
        oldest_wait: for how many seconds the task has waited that has waited longest.
    """

    queued: int
    running: int
    places: int
    oldest_wait: float


class ClassStats(Struct, frozen=True):
    """One class of tasks.

    Attributes:
        queued: tasks that wait for a place.
        running: tasks that an executor has taken.
        done: attempts that have succeeded.
        failed: attempts that have failed.
        mean_seconds: what those that have succeeded took, on average; 0 if there is none.
    """

    queued: int
    running: int
    done: int
    failed: int
    mean_seconds: float


class TagStats(Struct, frozen=True):
    """One limited tag.

    Attributes:
        taken: tasks that run with it, or are about to.
        limit: how many may.
        waiting: tasks that wait for it.
    """

    taken: int
    limit: int
    waiting: int


class RateStats(Struct, frozen=True):
    """One tag with a limited rate.

    Attributes:
        waiting: tasks that may not start yet, of all keys.
    """

    waiting: int


class EngineStats(Struct, frozen=True):
    """An engine at one moment. ``msgspec.json.encode`` makes it JSON.

    Attributes:
        open: whether it accepts requests.
        runs: requests that are under way.
        executors: by name, all that the engine has.
        classes: by ``module.qualname``, since the first call of :meth:`~alexflow.Engine.stats`.
        tags: by tag, those of which so many tasks may run at once.
        rates: by tag, those with a :class:`~alexflow.limits.RateLimit`.
        workers: the worker processes.
        hits: loads of outputs that existed, without a request.
        computed: tasks that have run.
        shared: targets of requests that ran for another request.
        cached: tasks that requests found done.
        failed: tasks that failed for good.
        storage_ok: whether the storage answered when it was last asked.
    """

    open: bool
    runs: int
    executors: dict[str, ExecutorStats]
    classes: dict[str, ClassStats]
    tags: dict[str, TagStats]
    rates: dict[str, RateStats]
    workers: WorkerCounts
    hits: int
    computed: int
    shared: int
    cached: int
    failed: int
    storage_ok: bool
