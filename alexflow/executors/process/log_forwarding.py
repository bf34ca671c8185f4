"""The engine's side of logging: what tasks log in workers, put into this process's logging."""

from __future__ import annotations

import logging
from contextvars import copy_context

from alexflow.executors.process.wire.carried_values import arrived
from alexflow.executors.process.wire.messages import Logged
from alexflow.executors.trace_context import TraceHeaders, enter_trace
from alexflow.hooks import SHORT_TEXT, is_ctrl_c, plain_text, repr_of
from alexflow.logs import logger


def levels() -> tuple[dict[str, int], int]:
    """The levels set in this process, by logger (the root's is ``""``), and that up to which all is disabled."""
    manager = logging.root.manager
    loggers = list(manager.loggerDict.items())
    levels = {name: found.level for name, found in loggers if isinstance(found, logging.Logger) and found.level}
    return {"": logging.root.level, **levels}, manager.disable


def pass_on(logged: Logged, task_id: str, worker: int) -> None:
    """Log here what a task has logged in a worker process."""
    try:
        if logged.left_out:
            logger.warning(
                "%s logged too much at once: %d records were left out",
                task_id or f"worker {worker}",
                logged.left_out,
                extra={"task_id": task_id},
            )
        if logged.text or logged.details:
            if logged.traceparent:
                copy_context().run(_handle_in_trace, logged, task_id, worker)
            else:
                _handle(logged, task_id, worker)
    except BaseException as error:  # a filter's or handler's of the user
        if is_ctrl_c(error):
            raise
        logger.error("what %s logged could not be logged here: %s", task_id, repr_of(error, SHORT_TEXT))


def _handle_in_trace(logged: Logged, task_id: str, worker: int) -> None:
    enter_trace(TraceHeaders(logged.traceparent))
    _handle(logged, task_id, worker)


def _handle(logged: Logged, task_id: str, worker: int) -> None:
    target = logging.getLogger(None if logged.name == "root" else logged.name)
    if not target.isEnabledFor(logged.level):
        return
    template, args = _apart(logged)
    record = target.makeRecord(
        target.name, logged.level, logged.path, logged.line, template, args, None, logged.function
    )
    record.task_id = task_id
    record.__dict__.update({name: arrived(value) for name, value in logged.extra.items()})
    record.created = logged.created
    record.msecs = logged.created % 1 * 1000
    record.process = worker
    record.processName = f"worker {worker}"
    record.threadName = logged.thread
    record.exc_text = logged.details or None
    if hasattr(record, "taskName"):  # from Python 3.12 on; here it would be the engine's
        record.taskName = None
    target.handle(record)


def _apart(logged: Logged) -> tuple[str, tuple[object, ...]]:
    """Message and arguments as they were given, if the same text comes of them here; else the text."""
    if logged.template:
        args = tuple(map(arrived, logged.args))
        try:
            if plain_text(logged.template % (args[0] if logged.by_name else args)) == logged.text:
                return logged.template, args
        except BaseException:  # %d of what came as text, or a __str__ of the user's that raises
            pass
    return logged.text, ()
