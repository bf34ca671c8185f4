"""From a target to its end: what a request forces, the run that it becomes, and the result."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from alexflow.engine.backlog import Awaited, Backlog
from alexflow.engine.driver import Driver
from alexflow.engine.entering import TargetParts
from alexflow.engine.options import OnError, as_attributes, check_urgency
from alexflow.engine.requested_run import RequestedRun, RequestOptions
from alexflow.engine.result import NOTHING_FAILED, Result, run_failed
from alexflow.engine.run_failures import report_on
from alexflow.engine.storage_questions import INSPECTED_AT_ONCE
from alexflow.engine.subjects import collect_subjects, forced_by
from alexflow.engine.targets import Request, with_storage
from alexflow.errors import DefinitionError, TaskError
from alexflow.executors.enclosing_tasks import running
from alexflow.graph import Defaults, Subjects, self_deadlock
from alexflow.graph.describe import spends_now, tags_of
from alexflow.graph.placement import kind_of, options_of
from alexflow.hooks import exact_name, hook_failed
from alexflow.model import AbstractTask, Output, flatten, keys_of
from alexflow.scheduler.instructions import Finish
from alexflow.storage import Storage

if TYPE_CHECKING:
    from alexflow.executors.request_context import RequestContext
    from alexflow.graph import Forceable
    from alexflow.graph.class_registry import ClassRegistry

#: Outputs that are bound between two turns of the event loop: some half a millisecond.
BOUND_PER_TURN = 128

#: Targets of a request that are asked for its place in the queue.
MOST_ASKED = 8


def request_options(
    on_error: OnError,
    attributes: Mapping[str, Any] | None = None,
    priority: int | None = None,
    fairness_key: str = "",
    max_wait: float | None = None,
    *,
    context: RequestContext | None = None,
    verify: bool = True,
) -> RequestOptions:
    """Check the options of a request.

    Raises:
        DefinitionError: a value is invalid.
    """
    if priority is not None or fairness_key != "" or max_wait is not None:
        check_urgency(priority, fairness_key, max_wait)
    return RequestOptions(on_error, as_attributes(attributes), priority, fairness_key, max_wait, context, verify)


async def ask(
    driver: Driver, request: Request, options: RequestOptions, defaults: Defaults, storage: Storage
) -> tuple[RequestedRun, Finish]:
    """Make a request and wait for its end. A caller that is cancelled withdraws it.

    Raises:
        Overloaded: there is no room for it, or it would wait too long.
    """
    if driver.backlog.max_queued is not None or options.max_wait is not None:
        await _refuse_if_overloaded(driver.backlog, request, options, defaults, storage)
    driver.entering += 1
    try:
        await driver.entrance.wait()
        subjects = await collect_subjects(request, defaults, driver.catalog)
        context = running.get()
        if context is not None:
            _refuse_itself(subjects, context.task_id)
            options = _within(options, context.facts.run_id)
        if defaults.class_registry.unchecked:
            await _check_program(defaults.class_registry, storage)
        parts = TargetParts(subjects)
        run = driver.request(parts, request.find, options)
    finally:
        driver.entered()
    try:
        if parts.are_more:
            await parts.add_others(run.number, driver.post_and_settle, driver.questions)
        finish = await run.end
    except BaseException as error:
        driver.record.given_up(run.number, error)
        if isinstance(error, asyncio.CancelledError):
            driver.cancel_run(run)
        raise
    driver.record.finished(finish)
    return run, finish


def _within(options: RequestOptions, run_id: str) -> RequestOptions:
    """Note the run of the task that makes a request."""
    from alexflow.record.lines import WITHIN  # deferred: most runs have no such requests

    return replace(options, attributes={**options.attributes, WITHIN: run_id})


async def _refuse_if_overloaded(
    backlog: Backlog, request: Request, options: RequestOptions, defaults: Defaults, storage: Storage
) -> None:
    """Refuse a request for which there is no room, or not soon enough, unless all that it asks for exists."""
    priority, awaited = _place_of(request, options, defaults)
    refusal = backlog.refusal(priority, awaited, options.max_wait)
    if refusal is not None and not await _exist(request, storage):
        raise refusal


def refuse_load_if_full(
    driver: Driver, priority: int | None, defaults: Defaults, storage: Storage, output: Output[Any]
) -> None:
    """Refuse to load what does not exist while the queue is full: as :func:`ask` does, and in a tenth of its time.

    Raises:
        Overloaded: there is no room.
    """
    backlog = driver.backlog
    if not (backlog.may_be_full and storage.answers_at_once):
        return
    asked: tuple[object, str] = output, "src_task"
    try:
        task = cast(AbstractTask, output.src_task)
        asked = task, "options"
        settings = defaults.settings.get(type(task))
        kind = kind_of(task, defaults.executor) if settings is None else settings.kind
        if priority is None:
            priority = (options_of(task) if settings is None else settings).priority or 0
        queued = backlog.queued_before(priority)
        if queued < (backlog.max_queued or 0):
            return
        asked = output, "key"
        keys = tuple([key if type(key) is str else exact_name(output, "key", key) for key in keys_of(output)])
    except BaseException as error:
        hook_failed(*asked, error)
    if len(storage.exists_many(keys)) < len(keys):
        raise backlog.overloaded(queued, (kind,))


def _place_of(request: Request, options: RequestOptions, defaults: Defaults) -> tuple[int, set[Awaited]]:
    """Return the priority of a request, and what its targets wait for, of which only the first are asked."""
    awaited: set[Awaited] = set()
    priorities: list[int] = []
    asked: object = request
    try:
        of_outputs = [cast(AbstractTask, output.src_task) for output in request.outputs[:MOST_ASKED]]
        for task in (*request.tasks[:MOST_ASKED], *of_outputs):
            asked, settings = task, defaults.settings.get(type(task))
            priorities.append((options_of(task) if settings is None else settings).priority or 0)
            kind = kind_of(task, defaults.executor) if settings is None else settings.kind
            tags = tags_of(task) if settings is None else settings.tags
            awaited.add(Awaited(kind, tags, spends_now(task, tags, defaults) if tags else ()))
    except BaseException as error:
        hook_failed(asked, "options", error)
    own = max(priorities, default=0)
    return own if options.priority is None else options.priority, awaited


async def _exist(request: Request, storage: Storage) -> bool:
    """Whether all outputs that a request asks for exist."""
    asked: object = request
    try:
        outputs = list(request.outputs)
        for task in request.tasks:
            asked = task
            outputs += flatten(task.output())
        keys = [exact_name(output, "key", key) for output in outputs for key in keys_of(output)]
    except BaseException as error:
        hook_failed(asked, "output()", error)
    if storage.answers_at_once and len(keys) <= INSPECTED_AT_ONCE:
        return len(storage.exists_many(keys)) == len(set(keys)) > 0
    return len(await storage.aexists_many(keys)) == len(set(keys)) > 0


def _refuse_itself(subjects: Subjects, task_id: str) -> None:
    """Refuse a request by a task for itself."""
    asked = task_id in subjects.tasks
    for output in subjects.outputs.values():
        try:
            asked = asked or output.src_task_id == task_id
        except BaseException as error:
            hook_failed(output, "src_task_id", error)
    if asked:
        raise self_deadlock(task_id)


async def _check_program(registry: ClassRegistry, storage: Storage) -> None:
    """Check that the script's classes, of which there are new ones, are those of this storage's results."""
    from alexflow.engine.program_notes import check_program  # deferred: most classes are of modules

    unchecked = registry.unchecked
    classes, unchecked[:] = tuple(unchecked), ()
    try:
        if storage.answers_at_once:
            check_program(classes, storage)
        else:
            await asyncio.to_thread(check_program, classes, storage)
    except DefinitionError:
        unchecked += classes  # the next request is refused as well
        raise


def force_tasks(
    driver: Driver, request: Request, force: Forceable | Sequence[Forceable] | bool, defaults: Defaults
) -> set[str]:
    """Force tasks. Returns the ids of those that no other request forces."""
    forced = forced_by(force, request, defaults)
    if forced:
        forced -= driver.inspector.forced
        driver.inspector.forced.update(forced)
    return forced


async def result_of(request: Request, run: RequestedRun, finish: Finish, seconds: float, storage: Storage) -> Result:
    """Make the answer to a request.

    Raises:
        RunFailed: tasks failed, and the request stopped at that.
        AlexflowError: the request could not be served.
    """
    if finish.error is not None:
        raise finish.error
    failures: list[TaskError] = []
    skipped: tuple[str, ...] = ()
    report = NOTHING_FAILED
    if finish.failures or finish.skipped:
        failures, skipped, report = await report_on(finish.failures, finish.skipped)
    if failures and run.options.on_error == "stop":
        raise run_failed(failures, report)
    counts = finish.ran, finish.cached, failures, skipped, seconds, report, finish.shared
    outputs = await _bind_all(request, storage) if run.options.verify else None  # else those that are given are read
    return Result(outputs, *counts, run.id)


async def _bind_all(request: Request, storage: Storage) -> Any:
    """Bind the outputs of a target; those of a long list in several turns of the event loop."""
    target, given = request.target, request.given
    if type(target) is not list or len(target) <= BOUND_PER_TURN:
        return with_storage(target, storage, given)
    outputs: list[Any] = []
    for start in range(0, len(target), BOUND_PER_TURN):
        await asyncio.sleep(0)
        outputs += with_storage(target[start : start + BOUND_PER_TURN], storage, given)
    return outputs
