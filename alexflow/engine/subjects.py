"""The objects behind a request: its targets by name, and the tasks that it forces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from alexflow.engine.targets import Request, read_target
from alexflow.graph import Catalog, Defaults, Subjects
from alexflow.hooks import exact_name, hook_failed
from alexflow.model import AbstractTask, Output, keys_of

if TYPE_CHECKING:
    from alexflow.graph import Forceable

#: Targets of one request that are collected between two turns of the event loop: some millisecond.
TARGETS_PER_TURN = 64

#: Requested tasks of which what their ``output()`` gave is kept for the result: some 400 bytes each.
MOST_GIVEN = 10_000

#: Elements of a list that are looked at between two turns: some tenths of a millisecond.
READ_PER_TURN = 1024


async def read_long_target(target: Any) -> Request:
    """Take a target apart as :func:`~alexflow.engine.targets.read_target` does; a long list in several turns."""
    if type(target) is not list or len(target) <= READ_PER_TURN:
        return read_target(target)
    kind = AbstractTask if isinstance(target[0], AbstractTask) else Output
    for start in range(0, len(target), READ_PER_TURN):
        if not all(isinstance(one, kind) for one in target[start : start + READ_PER_TURN]):
            return read_target(target)
        await asyncio.sleep(0)
    return Request([*target], [], target) if kind is AbstractTask else Request([], [*target], target)


async def collect_subjects(request: Request, defaults: Defaults, catalog: Catalog) -> Subjects:
    """Collect the targets by name; a large request takes several turns of the event loop."""
    outputs: dict[str, Output[Any]] = {}
    tasks: dict[str, AbstractTask] = {}
    known = defaults.class_registry.known
    for number, output in enumerate(request.outputs):
        if number % TARGETS_PER_TURN == TARGETS_PER_TURN - 1:
            await asyncio.sleep(0)
        try:
            source = output.__dict__.get("src_task")
            if source is not None and id(type(source)) not in known:
                defaults.register_class(source)
            for name in keys_of(output):
                key = name if type(name) is str else exact_name(output, "key", name)
                if key != output.output_id:
                    catalog.claim_key(key, output)
                outputs[key] = output
        except BaseException as error:
            hook_failed(output, "key", error)
    for number, task in enumerate(request.tasks):
        if number % TARGETS_PER_TURN == TARGETS_PER_TURN - 1:
            await asyncio.sleep(0)
        try:
            task_id = task.task_id
            if type(task_id) is not str:  # most are: one call less
                task_id = exact_name(task, "task_id", task_id)
            tasks[task_id] = task
            if id(type(task)) not in known:
                defaults.register_class(task)
        except BaseException as error:
            hook_failed(task, "task_id", error)
    return Subjects(outputs, tasks, {}, given=request.given if len(tasks) <= MOST_GIVEN else None)


def forced_by(force: Forceable | Sequence[Forceable] | bool, request: Request, defaults: Defaults) -> set[str]:
    """The ids of the tasks that ``force=`` selects, with everything between them and the targets."""
    if force is False or force == ():
        return set()
    from alexflow.graph import tasks_to_force  # deferred: few runs force anything

    named: Iterable[Forceable]
    try:
        if force is True:
            named = request.all_tasks
        elif isinstance(force, (list, tuple, set, frozenset)):
            named = list(force)
        else:
            named = [force]  # type: ignore[list-item]
        return tasks_to_force(request.all_tasks, named, defaults)
    except BaseException as error:
        hook_failed(force, "__iter__()", error)
