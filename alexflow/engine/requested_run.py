"""Requests that are under way: their numbers, ids, options and ends."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

from msgspec import Struct

from alexflow.engine.options import OnError
from alexflow.events.engine_events import RunEnd, RunFinished
from alexflow.executors.request_context import RequestContext
from alexflow.model import Output
from alexflow.scheduler.instructions import Finish

#: Targets of a run that are named.
MOST_TARGETS = 20

#: Runs that are failed between two turns of the event loop, each with its caller's work.
FAILED_PER_TURN = 16

#: Selects the outputs of a request that have certain keys.
FindOutputs = Callable[[set[str]], dict[str, Output[Any]]]


class RequestOptions(Struct, frozen=True):
    """The options of a request.

    Attributes:
        on_error: what follows from the first failure.
        attributes: the application's own, for events and the record.
        priority: that of all that is done for it; None for that of each task's class.
        fairness_key: names the tenant.
        max_wait: seconds for which it may have to wait; None for any.
        context: what its tasks see of its context; None for nothing.
        verify: whether its targets are looked for at its end; needless if they are read then.
    """

    on_error: OnError = "stop"
    attributes: Mapping[str, Any] = {}
    priority: int | None = None
    fairness_key: str = ""
    max_wait: float | None = None
    context: RequestContext | None = None
    verify: bool = True


class RequestedRun(Struct, eq=False):
    """A run.

    Attributes:
        number: the scheduler's name for it.
        at: when it was requested, in seconds since 1970.
        targets: ids and keys, some of them.
        options: those of the request.
        find: selects the targets' outputs that have certain keys.
        end: gets the scheduler's :class:`Finish`.
        withdrawn: whether its caller has left.
    """

    number: int
    at: float
    targets: tuple[str, ...]
    options: RequestOptions
    find: FindOutputs
    end: asyncio.Future[Finish]
    withdrawn: bool = False
    _id: str = ""

    @property
    def id(self) -> str:
        """The run's id, unique and sortable by time; made when it is first asked for, as most runs only read."""
        if not self._id:
            millis = int(self.at * 1e3)
            self._id = f"{_second(millis // 1000)}{millis % 1000:03d}-{next(_serial) & 0xFFFFFF:06x}"
        return self._id


#: Makes ids of runs of one millisecond differ; it begins anywhere, so that other processes have other ids.
_serial = count(int.from_bytes(os.urandom(3), "big"))


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(at))


class RequestedRuns(dict[int, RequestedRun]):
    """The runs that are not over, by number.

    Args:
        owner_of: gives the number of the run for which a task counts; 0 if that is gone.

    Attributes:
        have_contexts: whether tasks may see something of their requests' contexts.
    """

    def __init__(self, owner_of: Callable[[str], int]):
        self._owner_of = owner_of
        self._last = 0
        self._to_fail: deque[RequestedRun] = deque()
        self.have_contexts = False

    def add(
        self,
        keys: Sequence[str],
        tasks: Sequence[str],
        options: RequestOptions,
        find: FindOutputs,
        end: asyncio.Future[Finish],
    ) -> RequestedRun:
        """Add a run, under the next number."""
        self._last += 1
        targets = (*keys[:MOST_TARGETS], *tasks[:MOST_TARGETS])[:MOST_TARGETS]
        run = self[self._last] = RequestedRun(self._last, time.time(), targets, options, find, end)
        return run

    def id_for(self, task_id: str) -> str:
        """Return the id of the run for which a task counts; "" if that is gone."""
        run = self.get(self._owner_of(task_id))
        return "" if run is None else run._id or run.id  # the property is a call, several times a task

    def context_for(self, task_id: str) -> RequestContext | None:
        """Return what a task sees of the context of the run for which it counts."""
        run = self.get(self._owner_of(task_id))
        context = None if run is None else run.options.context
        if run is not None and context is not None:
            context.run_id = run.id
        return context

    def fail(self, error: Exception, loop: asyncio.AbstractEventLoop) -> None:
        """Fail those whose callers wait, some in each turn of the event loop."""
        self._to_fail += self.values()
        self._fail_some(error, loop)

    def _fail_some(self, error: Exception, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(min(len(self._to_fail), FAILED_PER_TURN)):
            run = self._to_fail.popleft()
            if not run.end.done():
                run.end.set_exception(error)
        if self._to_fail:
            loop.call_soon(self._fail_some, error, loop)

    async def all_failed(self) -> None:
        """Wait until all have been failed that were to be."""
        while self._to_fail:  # noqa: ASYNC110  # each turn fails some
            await asyncio.sleep(0)


def finished_event(run: RequestedRun, end: Finish) -> RunFinished:
    """Make the event of a run's end."""
    failed, skipped = len(end.failures), len(end.skipped)
    now = time.time()
    outcome: RunEnd = "failed" if failed else "done"
    if end.error is not None:
        outcome = "error"
    elif run.withdrawn or run.end.done():  # then its caller got an error of the engine
        outcome = "cancelled"
    counts = end.ran, end.cached, failed, skipped, now - run.at, end.shared
    return RunFinished(*counts, outcome, time=now, run_id=run.id)
