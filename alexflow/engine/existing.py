"""Targets that exist: a run of them has nothing to do, and needs no engine.

Most runs of a script that is run again are of this kind. An engine would take longer to import than everything else
does: neither it nor the scheduler, the executors or asyncio are loaded here, no thread is started, no lease taken,
nothing written. The file of leases of an engine that was killed is removed. Each output is looked at once, as an engine
would.

Whatever is out of the ordinary is left to an engine, which looks again and says what is wrong: a hook that raises, two
classes with one name, keys that are not made from a task's id, a target that is asked for by a task. What makes an
output insufficient although it exists (today: ``force``, and ``code`` and ``max_age`` of its class) has to be known
here, too.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.engine.options import check_values, check_workers
from alexflow.engine.result import Result
from alexflow.engine.targets import Request, read_target, with_storage
from alexflow.executors.enclosing_tasks import enclosing
from alexflow.hooks import passes
from alexflow.identity.names import MAIN_MODULES
from alexflow.model import AbstractTask, Output, flatten, keys_of
from alexflow.model.class_info import class_info
from alexflow.model.options import AGED, code_is_checked
from alexflow.progress.writing import is_shown, write_text
from alexflow.storage import LocalStorage, Storage
from alexflow.storage.local.lock_file import remove_left_over

#: Targets up to which it is tried: a look takes some 10 µs, and is in vain if the last one is missing.
MAX_TARGETS = 256


def result_of_existing(
    target: Any, storage: Storage, force: object, options: Mapping[str, Any], progress: bool | None
) -> Result | None:
    """Return the result of a run if all of its targets exist on a local storage; None where an engine is needed.

    Args:
        target: as for :func:`~alexflow.arun`.
        storage: where to look.
        force: as for :func:`~alexflow.arun`.
        options: the keywords of :class:`~alexflow.Engine`.
        progress: as for :func:`~alexflow.arun`.

    Raises:
        DefinitionError: a keyword has a value that no engine can use.
    """
    check_values(options)
    check_workers(options.get("workers"))
    forced = force is not False and not (type(force) in (tuple, list) and not force)
    if type(storage) is not LocalStorage or forced or enclosing():
        return None
    if code_is_checked() or AGED or _is_empty(storage.base_path):
        return None
    started = time.monotonic()
    try:
        request = read_target(target)
        found = _Targets()
        if not found.gather_targets(request) or not found.is_of_program(storage) or not found.keys:
            return None
        if not storage.exists_many(found.keys).issuperset(found.keys):
            return None
        outputs = with_storage(request.target, storage, request.given)
    except BaseException as error:
        if passes(error):
            raise
        return None
    remove_left_over(storage.base_path)
    result = Result(outputs, 0, len(found.task_ids), [], (), time.monotonic() - started)
    if is_shown(progress):
        _show(result)
    return result


@blocks_briefly("once a run: a look into a directory")
def _is_empty(directory: str) -> bool:
    """Whether nothing can exist in a directory: then no id is needed to see it, and an engine is started sooner."""
    try:
        with os.scandir(directory) as found:
            return next(found, None) is None
    except FileNotFoundError:
        return True
    except OSError:  # the storage says what is wrong
        return False


class _Targets:
    """The keys of a request's targets.

    Attributes:
        keys: of all outputs that must exist.
        task_ids: of the tasks behind them.
    """

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.task_ids: set[str] = set()
        self._classes: dict[str, type] = {}

    def gather_targets(self, request: Request) -> bool:
        """Take all targets; give whether it is enough that their keys exist."""
        if len(request.outputs) + len(request.tasks) > MAX_TARGETS:
            return False
        return all(map(self._add_output, request.outputs)) and all(map(self._add_task, request.tasks))

    def is_of_program(self, storage: Storage) -> bool:
        """Whether the results are this script's, as far as its own classes are concerned."""
        own = [cls for cls in self._classes.values() if cls.__module__ in MAIN_MODULES]
        if not own:
            return True
        from alexflow.engine.program_notes import are_noted  # deferred: most classes are of modules

        return are_noted(own, storage)

    def _add_task(self, task: AbstractTask) -> bool:
        leaves, maker = flatten(task.output()), task.unwrapped()
        own = all(output.__dict__.get("src_task") is maker for output in leaves)
        return own and bool(leaves) and all(map(self._add_output, leaves))

    def _add_output(self, output: Output[Any]) -> bool:
        task_id, source = output.src_task_id, output.__dict__.get("src_task")
        self.task_ids.add(task_id)
        if source is not None:
            cls = type(source.unwrapped())
            if self._classes.setdefault(class_info(cls).name, cls) is not cls:
                return False
        keys = keys_of(output)
        self.keys += keys
        return not output.ephemeral and all(type(key) is str and key.startswith(task_id) for key in keys)


def _show(result: Result) -> None:
    from alexflow.progress.text import nothing_to_run  # deferred: seldom shown

    write_text(sys.stderr, f"alexflow: {nothing_to_run(result.cached, result.seconds)}\n")
