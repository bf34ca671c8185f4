"""Ages of outputs: what a request takes as it is, what is refreshed behind its back, and what it waits for.

The age of an output is the time since it was published, as the storage has it (:meth:`Storage.modified`). Not as the
record has it: there may be none, it is read in pieces, and an output may have been copied here, or made by a program
that keeps none. The storage's time costs a microsecond in a directory, and in a bucket the request that asks whether
the output exists at all. Clocks of machines that share a storage should agree to a fraction of the ages in use.

One refresh serves all engines on a storage: it is a request for what is outdated (:mod:`alexflow.graph.outdated`), and
so subject to leases. If it fails, what is stored goes on being served while it may be, and the next one waits for a
cool-down, which doubles with each failure.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from msgspec import Struct

from alexflow.arguments import check_seconds
from alexflow.engine.background import Background
from alexflow.engine.loading import not_loadable, only_failure
from alexflow.engine.result import Result
from alexflow.engine.targets import keys_of_target, read_target, with_storage
from alexflow.errors import EngineClosed, RunFailed, TaskError
from alexflow.graph.outdated import Outdated, Times, age_of, max_age_of
from alexflow.hooks import exact_name, hook_failed, is_a, passes, text_of
from alexflow.logs import logger
from alexflow.model import AbstractTask, Output, keys_of
from alexflow.storage import Storage
from alexflow.type_vars import T

if TYPE_CHECKING:
    from alexflow.engine.hot_outputs import HotOutputs

R = TypeVar("R")

#: Seconds from a refresh that failed to the next one: after the first failure, and at most.
COOL_DOWN, MAX_COOL_DOWN = 1.0, 60.0

#: Outputs whose times are looked for between two turns of the event loop.
JUDGED_PER_TURN = 256

#: Tasks that cannot be run again and are remembered.
MOST_FAILING = 10_000


class AgeLimit(Struct, frozen=True):
    """The ages that a request takes.

    Attributes:
        max_age: seconds up to which an output is taken as it is; None for what its class says.
        stale_while_revalidate: seconds beyond that for which it is taken while it is made again.
    """

    max_age: float | None = None
    stale_while_revalidate: float = 0.0


_NUMBERS = frozenset({int, float})


def age_limit(max_age: object, stale_while_revalidate: object) -> AgeLimit:
    """Check what a request says about ages.

    Raises:
        DefinitionError: a value is no number of seconds.
    """
    check_seconds("max_age", max_age)
    check_seconds("stale_while_revalidate", stale_while_revalidate)
    return AgeLimit(max_age, stale_while_revalidate or 0.0)  # type: ignore[arg-type]  # checked above


class Judged(Struct, frozen=True):
    """The outputs that a request asks for, as far as they exist.

    Attributes:
        outdated: the tasks that have to run again, by id, and the outputs that are too old.
        good: those of the wanted that are taken as they are.
    """

    outdated: dict[str, Times]
    good: list[Output[Any] | AbstractTask]


class _Refresh(Struct, eq=False):
    """The refreshes of one task: the one under way, or those that have failed.

    Attributes:
        published: when what is stored was published, in seconds since 1970; 0 where that is not known.
        is_under_way: whether it is being made again.
        failures: how often that has failed.
        error: how it failed last.
        not_before: when it is tried again, by the clock.
    """

    published: float = 0.0
    is_under_way: bool = True
    failures: int = 0
    error: Exception | None = None
    not_before: float = 0.0


class Ages:
    """Decides for requests of one engine.

    Args:
        storage: holds the outputs.
        outdated: the engine's.
        background: where refreshes run.
        run: runs what is given to :meth:`Engine.run`.
        hot: the storage with what is kept in memory, if that was asked for.
    """

    def __init__(
        self,
        storage: Storage,
        outdated: Outdated,
        background: Background,
        run: Callable[[Any], Awaitable[object]],
        hot: HotOutputs | None = None,
    ):
        self._storage = storage
        self._outdated = outdated
        self._background = background
        self._run = run
        self._hot = hot
        self.clock = time.monotonic
        self._refreshes: dict[str, _Refresh] = {}  # by task

    def takes(self, output: object, max_age: Any, stale_while_revalidate: float) -> bool:
        """Whether an output is taken as it is, if that is seen at once; with nothing to begin or to check.

        So a read of what is being refreshed costs little more than one without an age; :meth:`judge` would double it.
        """
        if not isinstance(output, Output) or type(stale_while_revalidate) not in _NUMBERS:
            return False
        if not stale_while_revalidate >= 0:
            return False
        if max_age is None:
            max_age = max_age_of(output)
            if max_age is None:
                return True
        if type(max_age) not in _NUMBERS:
            return False
        try:
            task_id, keys = output.src_task_id, keys_of(output)
        except BaseException as error:
            hook_failed(output, "src_task_id", error)
        now = time.time()
        refresh = self._refreshes.get(task_id)
        if refresh is not None:
            age = now - refresh.published
            is_good = age <= max_age + stale_while_revalidate
            return is_good and (refresh.is_under_way or self.clock() < refresh.not_before or age <= max_age)
        if self._hot is not None or not self._storage.answers_at_once or len(keys) != 1:
            return False
        published = self._storage.modified(keys[0])
        return published is not None and now - published <= max_age

    async def judge(
        self, wanted: Iterable[Output[Any] | AbstractTask], limit: AgeLimit, *, fails: bool = False
    ) -> Judged:
        """Judge what exists, and begin to refresh what may be served meanwhile.

        Args:
            wanted: the request's outputs and tasks; what does not exist is left out.
            limit: the ages that it takes.
            fails: whether to raise, during a cool-down, the error that the last refresh has ended with.
        """
        judged = Judged({}, [])
        limited: list[tuple[Output[Any] | AbstractTask, float, tuple[str, ...]]] = []
        for one in wanted:
            if not isinstance(one, Output | AbstractTask):
                raise not_loadable(one)
            max_age = max_age_of(one) if limit.max_age is None else limit.max_age
            if max_age is not None:
                limited.append((one, max_age, keys_of_target(one)))
        for start in range(0, len(limited), JUDGED_PER_TURN):
            if start:
                await asyncio.sleep(0)
            some = limited[start : start + JUDGED_PER_TURN]
            times = await self._times_of([key for _, _, keys in some for key in keys])
            for one, max_age, keys in some:
                if keys and all(key in times for key in keys):
                    self._judge_one(one, {key: times[key] for key in keys}, max_age, limit, judged, fails=fails)
        return judged

    def _judge_one(
        self,
        one: Output[Any] | AbstractTask,
        times: Times,
        max_age: float,
        limit: AgeLimit,
        judged: Judged,
        *,
        fails: bool,
    ) -> None:
        age, task_id = age_of(times), _task_id(one)
        refresh = self._refreshes.get(task_id)
        if age <= max_age:
            judged.good.append(one)
            if refresh is not None and not refresh.is_under_way and refresh.published < min(times.values()):
                del self._refreshes[task_id]  # another engine has made it again
            return
        if age <= max_age + limit.stale_while_revalidate:
            judged.good.append(one)
            self._refresh(task_id, one, times)
            return
        if fails and refresh is not None and refresh.error is not None and self.clock() < refresh.not_before:
            raise refresh.error.with_traceback(None)  # other callers raise the same
        judged.outdated[task_id] = {**judged.outdated.get(task_id, {}), **times}
        self._drop(times)

    def _drop(self, times: Times) -> None:
        """Forget what is kept of outputs in memory: another engine may have made them again."""
        if self._hot is not None:
            self._hot.drop(times)

    async def _times_of(self, keys: Sequence[str]) -> Times:
        """Return when outputs were published, as far as they exist."""
        if len(keys) == 1:  # as mostly
            key = keys[0]
            at = None
            if self._hot is not None:
                at = await self._hot.amodified(key)
            elif self._storage.answers_at_once:
                at = self._storage.modified(key)
            if at is not None:
                return {key: at}
        return await self._outdated.times_of(keys)

    def _refresh(self, task_id: str, one: Output[Any] | AbstractTask, times: Times) -> None:
        """Begin a refresh, unless there is one, or the last one has failed a moment ago."""
        known = self._refreshes.get(task_id)
        if known is None:
            known = self._refreshes[task_id] = _Refresh()
        elif known.is_under_way or self.clock() < known.not_before:
            return
        known.published = min(times.values())
        known.is_under_way = True
        self._background.spawn(partial(self._run_refresh, task_id, one, times, known))

    async def _run_refresh(
        self, task_id: str, one: Output[Any] | AbstractTask, times: Times, refresh: _Refresh
    ) -> None:
        try:
            await self.make_again(Judged({task_id: times}, []), self._run, one)
        except BaseException as error:
            refresh.is_under_way = False
            if passes(error):
                raise
            if is_a(error, EngineClosed):
                return
            self._failed(task_id, error)
            logger.warning(
                "%s could not be made again, and what is stored goes on being served; next try in %.3g s: %s",
                *(task_id, refresh.not_before - self.clock(), text_of(refresh.error or error)),
            )
        else:
            self._drop(times)

    async def run_again(self, judged: Judged, run: Callable[[], Awaitable[R]]) -> R:
        """Run what is outdated, and note what comes of it."""
        with self._outdated.claimed(judged.outdated):
            try:
                result = await run()
            except (RunFailed, TaskError) as error:
                for task_id in judged.outdated:
                    self._failed(task_id, error)
                raise
        for task_id in judged.outdated:
            self._refreshes.pop(task_id, None)
        return result

    async def make_again(self, judged: Judged, run: Callable[[T], Awaitable[R]], target: T) -> R:
        """:meth:`run_again`, for a function that takes the target."""
        return await self.run_again(judged, partial(run, target))

    async def run_aged(
        self, target: Any, limit: AgeLimit, run: Callable[..., Awaitable[Result]], force: object
    ) -> Result:
        """Run a target whose outputs may be so old, without what is taken as it is: its refresh need not end first."""
        request = read_target(target)
        wanted: list[Output[Any] | AbstractTask] = [*request.outputs, *request.tasks]
        judged = await self.judge(wanted, limit)
        if force not in ((), False) or not judged.good:
            return await self.run_again(judged, partial(run, target, force=force))
        good = {id(one) for one in judged.good}
        rest = [one for one in wanted if id(one) not in good]
        result = await self.run_again(judged, partial(run, rest))
        return replace(
            result,
            output=with_storage(request.target, self._storage, request.given),
            cached=result.cached + len(wanted) - len(rest),
        )

    async def see_to(
        self, outputs: Sequence[Output[Any]], limit: AgeLimit, make: Callable[[Any], Awaitable[object]]
    ) -> None:
        """Make the outputs of a list again that are too old."""
        judged = await self.judge(outputs, limit)
        if judged.outdated:
            await self.make_again(judged, make, [output for output in outputs if _task_id(output) in judged.outdated])

    def _failed(self, task_id: str, error: BaseException) -> None:
        """Note that a task could not be run again: it is left alone for a while."""
        refresh = self._refreshes.setdefault(task_id, _Refresh(is_under_way=False))
        now = self.clock()
        if now < refresh.not_before:
            return  # many have waited for the same run
        if isinstance(error, RunFailed):
            refresh.error = only_failure(error) or error
        elif is_a(error, Exception):
            refresh.error = cast(Exception, error)
        refresh.not_before = now + min(COOL_DOWN * 2**refresh.failures, MAX_COOL_DOWN)
        refresh.failures += 1
        while len(self._refreshes) > MOST_FAILING:
            del self._refreshes[next(iter(self._refreshes))]


def _task_id(one: Output[Any] | AbstractTask) -> str:
    hook = "src_task_id" if isinstance(one, Output) else "task_id"
    try:
        return exact_name(one, hook, getattr(one, hook))
    except BaseException as error:
        hook_failed(one, hook, error)
