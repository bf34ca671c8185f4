"""Targets of requests: a task, an output, a tree of both, a list of tasks, or a workflow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MethodType
from typing import TYPE_CHECKING, Any, cast

from alexflow.errors import DefinitionError
from alexflow.hooks import exact_name, hook_failed
from alexflow.model import AbstractTask, InOut, Output, Workflow, flatten, keys_of, map_tree
from alexflow.storage import Storage

if TYPE_CHECKING:
    import asyncio

#: Targets up to which a request is freed in one turn of the event loop.
FREED_AT_ONCE = 1024


class Request:
    """A target, taken apart.

    Attributes:
        tasks: tasks that must be done.
        outputs: outputs that must exist.
        target: as it was given.
        given: what ``output()`` of the tasks gave, by the identity of the task, as far as it has been asked.
    """

    __slots__ = ("given", "outputs", "target", "tasks")

    def __init__(self, tasks: list[AbstractTask], outputs: list[Output[Any]], target: Any) -> None:
        self.tasks = tasks
        self.outputs = outputs
        self.target = target
        self.given: dict[int, InOut] = {}

    def let_go(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let go of what is asked for, in several turns of the event loop if that is much: nothing will be found."""
        self.target = None  # first: what only it holds is in the others, too
        if len(self.tasks) > FREED_AT_ONCE or len(self.outputs) > FREED_AT_ONCE:
            from alexflow.engine.letting_go import let_go  # deferred: most requests are small

            given = list(self.given.values())
            self.given.clear()
            let_go(loop, (given, self.tasks, self.outputs))

    @property
    def all_tasks(self) -> list[AbstractTask]:
        """All tasks behind the request."""
        return [*self.tasks, *(cast(AbstractTask, output.src_task) for output in self.outputs)]

    def find(self, keys: set[str]) -> dict[str, Output[Any]]:
        """Select the outputs that were requested, and those of requested tasks, that have one of ``keys``."""
        found: dict[str, Output[Any]] = {}
        owners: list[Output[Any] | AbstractTask] = [*self.outputs, *self.tasks]
        for owner in owners:
            try:
                for output in flatten(owner.output()) if isinstance(owner, AbstractTask) else [owner]:
                    for name in keys_of(output):
                        key = exact_name(output, "key", name)
                        if key in keys:
                            found[key] = output
            except BaseException as error:
                hook_failed(owner, "output()", error)
        return found


def read_target(target: Any) -> Request:
    """Take a target apart.

    Raises:
        DefinitionError: it is nothing that can be run.
        HookError: a container in it raised.
    """
    tasks: list[AbstractTask] = []
    outputs: list[Output[Any]] = []
    try:
        if isinstance(target, Workflow):
            _collect(target.tasks, "tasks", tasks, outputs)
            _collect(target.artifacts, "artifacts", tasks, outputs)
            target = {**target.tasks, **target.artifacts}  # where both use a name, the artifact wins
        else:
            _collect(target, "target", tasks, outputs)
    except BaseException as error:
        if type(error) is RecursionError and type(target) in (list, tuple, dict):
            raise DefinitionError("what was asked for is nested too deeply, or contains itself") from None
        hook_failed(target, "__iter__()", error)
    return Request(tasks, outputs, target)


def keys_of_target(one: Output[Any] | AbstractTask) -> tuple[str, ...]:
    """Return the keys that must exist for an output or a task to be there."""
    hook = "key" if isinstance(one, Output) else "output()"
    try:
        outputs = (one,) if isinstance(one, Output) else flatten(one.output())
        return tuple(exact_name(output, "key", key) for output in outputs for key in keys_of(output))
    except BaseException as error:
        hook_failed(one, hook, error)


def with_storage(target: Any, storage: Storage, given: Mapping[int, InOut]) -> Any:
    """Make what ``result.output`` is: the target's outputs, bound to a storage.

    Args:
        target: the target.
        storage: the storage.
        given: as in :class:`Request`.

    Raises:
        HookError: an object in it raised.
    """
    try:
        return _bind(target, storage, given)
    except BaseException as error:
        hook_failed(target, "output()" if isinstance(target, AbstractTask) else "__iter__()", error)


def _collect(target: Any, path: str, tasks: list[AbstractTask], outputs: list[Output[Any]]) -> None:
    if isinstance(target, AbstractTask):
        tasks.append(target)
    elif isinstance(target, Output):
        outputs.append(target)
    elif isinstance(target, Mapping):
        _collect_parts(target.items(), path, tasks, outputs)
    elif isinstance(target, (list, tuple)):
        _collect_parts(enumerate(target), path, tasks, outputs)
    else:
        raise DefinitionError(_not_runnable(target, path))


def _collect_parts(
    parts: Iterable[tuple[Any, Any]], path: str, tasks: list[AbstractTask], outputs: list[Output[Any]]
) -> None:
    """Collect what a container holds. None may stand in a tree of outputs only, as ``output()`` may give one."""
    tasks_before, outputs_before = len(tasks), len(outputs)
    at_none: str | None = None
    for name, part in parts:
        if isinstance(part, AbstractTask):  # most are: saves the path
            tasks.append(part)
        elif part is None:
            at_none = f"{path}[{name!r}]"
        else:
            _collect(part, f"{path}[{name!r}]", tasks, outputs)
    if at_none is not None and (len(tasks) > tasks_before or len(outputs) == outputs_before):
        raise DefinitionError(_not_runnable(None, at_none))


def _not_runnable(target: Any, path: str) -> str:
    where = "" if path == "target" else f" ({path})"
    if target is None:
        return f"None{where} is no target; did the function that makes the target forget to return it?"
    if isinstance(target, type) and issubclass(target, AbstractTask):
        return f"{target.__qualname__} is a class; run an instance of it: {target.__qualname__}(...)"
    if isinstance(target, MethodType) and isinstance(target.__self__, AbstractTask):
        name = target.__func__.__qualname__
        return f"{name} is a method; run the task itself, or call the method: {name}()"
    return (
        f"an object of type {type(target).__qualname__}{where} is no target; "
        f"give a task, an output, a list, tuple or dict of those, or a Workflow"
    )


def _bind(target: Any, storage: Storage, given: Mapping[int, InOut]) -> Any:
    if isinstance(target, AbstractTask):
        tree = given[id(target)] if id(target) in given else target.output()
        if isinstance(tree, Output):  # most tasks have one
            return tree.assign_storage(storage)
        return map_tree(lambda output: output.assign_storage(storage), tree)
    if isinstance(target, Output):
        return target.assign_storage(storage)
    if isinstance(target, dict):
        return {name: _bind(part, storage, given) for name, part in target.items()}
    if isinstance(target, tuple) and hasattr(target, "_fields"):
        return type(target)(*(_bind(part, storage, given) for part in target))
    if isinstance(target, (list, tuple)):
        return type(target)(_bind(part, storage, given) for part in target)
    return None
