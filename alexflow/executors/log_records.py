"""Records that tasks log in the engine's process carry ``task_id``, as those that come from worker processes do.

Only a record factory sees each record, whichever logger, handler or filter it meets. Python has one for the process, so
the one that was there is asked first, and it is set once, when an engine is opened.
"""

from __future__ import annotations

import logging
from typing import Any

from alexflow.executors.enclosing_tasks import running


class _Attributes(dict[str, Any]):
    """A record's attributes, of which ``extra`` may give ``task_id`` anew: loggers refuse what is there already."""

    def __contains__(self, name: object) -> bool:
        return name != "task_id" and super().__contains__(name)


class _Factory:
    """Makes records as before, with the running task's id."""

    def __init__(self, before: Any):
        self._before = before

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._before(*args, **kwargs)
        context = running.get()
        if context is not None:
            record.__dict__ = _Attributes(record.__dict__, task_id=context.task_id)
        return record


def install_record_factory() -> None:
    """From now on records carry the id of the task that logs them."""
    before = logging.getLogRecordFactory()
    if not isinstance(before, _Factory):
        logging.setLogRecordFactory(_Factory(before))
