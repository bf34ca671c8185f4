"""``plan`` and ``aplan``: the work that a run would do, without doing any."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.engine.async_library import is_under_a_loop
from alexflow.engine.subjects import collect_subjects, forced_by, read_long_target
from alexflow.engine.targets import Request
from alexflow.graph import Catalog, Defaults, Forceable
from alexflow.graph.plan import make_plan
from alexflow.model import Workflow
from alexflow.record.plan import Plan
from alexflow.storage import LocalStorage, Storage, open_storage
from alexflow.storage.background import in_thread


def plan(
    target: Any,
    *,
    storage: Storage | str | os.PathLike[str] | None = None,
    force: Forceable | Sequence[Forceable] | bool = (),
) -> Plan:
    """:func:`aplan`, from code that is not async; under a running loop, as in a notebook, it uses a thread."""

    def work() -> Plan:
        return asyncio.run(aplan(target, storage=storage, force=force))

    return _in_thread(work) if is_under_a_loop() else work()


@blocks_briefly("plan() under a running loop, as in a notebook, has to wait")
def _in_thread(work: Callable[[], Plan]) -> Plan:
    with ThreadPoolExecutor(1, "alexflow-plan") as threads:
        return threads.submit(work).result()


async def aplan(
    target: Any,
    *,
    storage: Storage | str | os.PathLike[str] | None = None,
    force: Forceable | Sequence[Forceable] | bool = (),
) -> Plan:
    """Plan a run: the tasks that :func:`arun` would start, as things stand. Nothing runs, and nothing is written.

    ::

        print(alexflow.plan(train, storage="results"))

    Args:
        target: as for :func:`arun`.
        storage: as for :class:`Engine`. A directory that does not exist holds nothing, and is not made.
        force: as for :meth:`Engine.run`.

    Raises:
        GraphError: the graph as described cannot be run.
        UnknownStorage: there is no such storage.
    """
    if storage is None and isinstance(target, Workflow):
        storage = target.storage
    return await plan_request(await read_long_target(target), open_storage(storage), Defaults(), force)


async def plan_request(
    request: Request, storage: Storage, defaults: Defaults, force: Forceable | Sequence[Forceable] | bool
) -> Plan:
    """Plan a request on a storage."""
    if not isinstance(storage, LocalStorage):  # whose directory would be made
        await in_thread(storage.prepare)
    forced = forced_by(force, request, defaults)
    catalog = Catalog()
    subjects = await collect_subjects(request, defaults, catalog)
    try:
        return await make_plan(subjects, catalog, storage, defaults, forced)
    finally:
        request.let_go(asyncio.get_running_loop())
