"""One attempt at one task: bind its trees, run it, check that it stored what it declares, publish.

The blocking form runs in worker processes and threads, the async form on the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import isawaitable
from operator import methodcaller
from types import CoroutineType
from typing import Any

from alexflow.cards.pending import awrite_pending, pending, write_pending
from alexflow.checkpoints.in_use import aremove_used, in_use, remove_used
from alexflow.errors import NonDeterministicTask, OutputMissing
from alexflow.executors.enclosing_tasks import running_here
from alexflow.forks import end_fork, this_process
from alexflow.hooks import is_a, note_hook, text_of
from alexflow.model import AbstractTask, InOut, Output, flatten, keys_of, map_tree
from alexflow.model.class_info import class_info
from alexflow.model.construction import input_binding
from alexflow.model.deferred import deferred_keys
from alexflow.storage import Storage, Transaction


def bind(tree: InOut, storage: Storage) -> Any:
    """Return the same tree, its outputs bound to a storage."""
    if tree is None:
        return None
    if isinstance(tree, Output):
        return tree.assign_storage(storage)
    return map_tree(methodcaller("assign_storage", storage), tree)


def bind_input(tree: InOut, storage: Storage, task: AbstractTask) -> Any:
    """Return the same tree, its outputs bound to a storage from which a task reads them."""
    return None if tree is None else map_tree(input_binding(storage, task), tree)


def check_id(task: AbstractTask, expected_id: str) -> None:
    """Check that the task has the id here that it had where the engine computed it.

    Raises:
        NonDeterministicTask: it has another id here.
    """
    if task.task_id != expected_id:
        raise NonDeterministicTask(
            expected_id,
            f"its id is {task.task_id} where it runs; its parameters, class or version depend on the process",
        )


def attempt(task: AbstractTask, transaction: Transaction, outputs: InOut = None) -> None:
    """Run a task and publish its outputs. A process that the task forks ends here (:mod:`alexflow.forks`).

    Args:
        task: the task.
        transaction: a new one, in which it stores, on the storage from which it reads.
        outputs: what its ``output`` returned, if that is known.

    Raises:
        OutputMissing: it returned without storing an output.
        TaskStopped: the attempt was cancelled; nothing is published.
        Exception: whatever the task raises; then nothing is published.
    """
    hook = "output()"
    input: Any = None
    process = this_process.generation
    try:
        storage = transaction.storage
        if outputs is None:
            outputs = task.output()
        if held := deferred_keys(task, outputs):  # of most tasks there is nothing to hold
            transaction.hold(held)
        if transaction.replaces:
            transaction.remember(_keys(outputs))
        hook = "input()"
        input = task.input()
        if input is not None:
            input = bind_input(input, storage, task)
        hook = ""
        task.run(input, bind(outputs, transaction))  # type: ignore[attr-defined]  # a DynamicTask never comes here
        if this_process.generation != process:
            end_fork()
        if transaction.has_appended:
            transaction.stage_appended()
        unstaged = transaction.unstaged(_keys(outputs))
        if unstaged and (missing := set(unstaged) - transaction.exists_many(unstaged)):
            if _is_pruned():  # the rest of its outputs stays
                transaction.publish_all()
            raise _missing(task, missing)
        if pending:
            write_pending(storage, task.task_id)
        transaction.publish_all()
        if in_use:
            remove_used(task.task_id)
    except BaseException as error:
        if this_process.generation != process:
            end_fork(error)
        if hook:
            note_hook(task, hook, error)
        else:
            explain(error, task, input, outputs)
        if pending:
            _drop_cards()
        transaction.discard_all()
        raise


async def aattempt(task: AbstractTask, transaction: Transaction, outputs: InOut = None) -> None:
    """:func:`attempt`, for ``async def run``."""
    hook = "output()"
    input: Any = None
    process = this_process.generation
    try:
        storage = transaction.storage
        if outputs is None:
            outputs = task.output()
        if held := deferred_keys(task, outputs):  # of most tasks there is nothing to hold
            transaction.hold(held)
        if transaction.replaces:
            await transaction.aremember(_keys(outputs))
        hook = "input()"
        input = task.input()
        if input is not None:
            input = bind_input(input, storage, task)
        hook = ""
        running = task.run(input, bind(outputs, transaction))  # type: ignore[attr-defined]  # as in attempt
        # a plain `def` with executor="loop" is done, unless it has given what is to be awaited
        if type(running) is CoroutineType or class_info(type(task)).run_is_async or isawaitable(running):
            await running
        if this_process.generation != process:
            end_fork()
        if transaction.has_appended:
            from alexflow.storage.background import in_thread  # deferred: asyncio, of no use to a worker process

            await in_thread(transaction.stage_appended)
        unstaged = transaction.unstaged(_keys(outputs))
        if unstaged and (missing := set(unstaged) - await transaction.aexists_many(unstaged)):
            if _is_pruned():
                await transaction.apublish_all()
            raise _missing(task, missing)
        if pending:
            await awrite_pending(storage, task.task_id)
        await transaction.apublish_all()
        if in_use:
            await aremove_used(task.task_id)
    except BaseException as error:
        if this_process.generation != process:
            end_fork(error)
        if hook:
            note_hook(task, hook, error)
        else:
            explain(error, task, input, outputs)
        if pending:
            _drop_cards()
        await transaction.adiscard_all()
        raise


def _drop_cards() -> None:
    context = running_here()
    if context is not None:
        pending.pop(context.task_id, None)


def _is_pruned() -> bool:
    context = running_here()
    return context is not None and context.is_pruned()


def explain(error: BaseException, task: AbstractTask, input: Any, outputs: InOut) -> None:
    """Add a note to an error whose cause is not where it was raised."""
    try:
        note = _explanation(error, task, input, outputs)
        if note is not None:
            error.add_note(note)
    except BaseException:  # of the user's, which has raised enough
        return


def _explanation(error: BaseException, task: AbstractTask, input: Any, outputs: InOut) -> str | None:
    if _ended_debugger(error):
        return "a worker process has no terminal for a debugger; run the task with executor='thread'"
    if is_a(error, (AttributeError, TypeError)) and "NoneType" in text_of(error):
        absent = _absent(input, outputs, getattr(error, "name", None))
        if absent is not None:
            cls = type(task).__qualname__
            return f"{cls}.{absent}() gives nothing, so `{absent}` is None in run(); write {cls}.{absent}()"
    return None


def _ended_debugger(error: BaseException) -> bool:
    """Whether a debugger has found no input; from Python 3.14 on it exits then."""
    if not isinstance(error, SystemExit):
        return type(error).__qualname__ == "BdbQuit"
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_globals.get("__name__") == "pdb"


def _absent(input: Any, outputs: InOut, name: str | None) -> str | None:
    """Name the tree that a task lacks because its method is not written, if that is why it failed."""
    if name in ("store", "astore"):
        return "output" if outputs is None else None
    return "input" if input is None and (name is None or hasattr(Output, name)) else None


def _keys(outputs: InOut) -> Sequence[str]:
    if isinstance(outputs, Output):  # as of most tasks
        return keys_of(outputs)
    return [key for output in flatten(outputs) for key in keys_of(output)]


def _missing(task: AbstractTask, keys: set[str]) -> OutputMissing:
    names = ", ".join(sorted(keys))
    return OutputMissing(
        task.task_id, f"run() returned without storing {names}; call output.store(...) for each output"
    )
