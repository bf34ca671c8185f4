"""Jobs that may have ended unreported: whether their outputs exist says whether they have."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import cast

from alexflow.executors.interface import Done, NotDone, Outcome, Settled, Unsure
from alexflow.graph import Catalog
from alexflow.hooks import passes
from alexflow.storage import Storage


class UnsureJobs:
    """Stands between executors and driver, which gets only outcomes that are known.

    Args:
        catalog: the tasks, by id.
        storage: holds their outputs.
        report: takes the outcomes.
        again: takes the ids of tasks that count as never begun.
        spawn: starts work on the loop.
    """

    def __init__(
        self,
        catalog: Catalog,
        storage: Storage,
        report: Callable[[Sequence[Settled]], None],
        again: Callable[[Sequence[str]], None],
        spawn: Callable[[Callable[[], Awaitable[None]]], asyncio.Task[None]],
    ):
        self._catalog = catalog
        self._storage = storage
        self._report = report
        self._again = again
        self._spawn = spawn

    def report(self, outcomes: Sequence[Outcome]) -> None:
        """Pass outcomes on; those of unsure jobs follow when their outputs have been looked for."""
        if Unsure not in set(map(type, outcomes)):  # as mostly
            if outcomes:
                self._report(cast(Sequence[Settled], outcomes))
            return
        unsure = [outcome for outcome in outcomes if isinstance(outcome, Unsure)]
        settled = [outcome for outcome in outcomes if not isinstance(outcome, Unsure)]
        self._spawn(partial(self._settle, unsure))
        if settled:
            self._report(settled)

    async def _settle(self, unsure: list[Unsure]) -> None:
        outcomes: list[Settled] = []
        again: list[str] = []
        for outcome in unsure:
            if await self._is_published(outcome.task_id):
                outcomes.append(Done(outcome.task_id, 0.0))
            elif outcome.lost is not None:
                outcomes.append(outcome.lost)
            elif outcome.task_id in self._catalog.tasks:
                again.append(outcome.task_id)
            else:
                outcomes.append(NotDone(outcome.task_id, "cancelled"))
        if again:
            self._again(again)
        if outcomes:
            self._report(outcomes)

    async def _is_published(self, task_id: str) -> bool:
        described = self._catalog.tasks.get(task_id)
        keys = described.spec.outputs if described is not None else ()
        try:
            return bool(keys) and len(await self._storage.aexists_many(keys)) == len(keys)
        except BaseException as error:  # of the storage: the next run of the job meets it again
            if passes(error):
                raise
            return False
