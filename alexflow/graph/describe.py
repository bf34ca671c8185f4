"""Description of a task: asks the user's ``input()``, ``output()`` and settings for the scheduler and the engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct, field

from alexflow.arguments import wrong_argument
from alexflow.errors import DefinitionError, GraphError, OutputConflict
from alexflow.graph.class_registry import ClassRegistry
from alexflow.graph.placement import Kind, kind_of, needs_of, options_of, spec_of_class
from alexflow.hooks import SHORT_TEXT, class_name, exact_name, hook_failed, repr_of
from alexflow.model import (
    AbstractTask,
    DynamicTask,
    ExecutorName,
    InOut,
    Output,
    Retry,
    flatten,
    keys_of,
)
from alexflow.model.class_info import class_info
from alexflow.model.deferred import deferred_key
from alexflow.model.executor_kinds import EXECUTOR_KINDS, ExecutorKind, name_choices
from alexflow.model.output import ONE_KEY
from alexflow.model.resource_spec import Needs
from alexflow.scheduler import TaskSpec

if TYPE_CHECKING:
    from alexflow.limits import RateLimit
    from alexflow.scheduler.buckets import Spends

NO_RETRY = Retry(0)


class Defaults(Struct, frozen=True, eq=False):
    """TaskSettings for tasks whose class does not set them.

    Attributes:
        executor: the executor of a plain ``def run``.
        retry: the policy for trying a failed task again.
        timeout: time limit of one attempt, in seconds.
        refusal: from what a task needs to the reason why this engine never has it, or ""; with ``elsewhere=True`` for
            executors on other machines.
        rates: the limits of rates, by tag.
        kinds: the executors that the engine has, by name; None where nothing is run, and any name will do.
        roles: names that classes use for an executor, each with the engine's name for it.
        settings: those of tasks, by class, as far as they have been asked for.
        class_registry: the classes that are in use.
    """

    executor: ExecutorName = "process"
    retry: Retry = NO_RETRY
    timeout: float | None = None
    refusal: Callable[..., str] | None = None
    rates: Mapping[str, RateLimit] = {}
    kinds: Mapping[str, ExecutorKind] | None = None
    roles: Mapping[str, str] = {}
    settings: dict[type, TaskSettings] = {}
    class_registry: ClassRegistry = field(default_factory=ClassRegistry)

    def settled_kind(self, task: AbstractTask, name: str) -> Kind:
        """Return the engine's executor of a name that a task's class uses.

        Raises:
            DefinitionError: the engine has none.
        """
        kind = self.roles.get(name, name)
        if self.kinds is not None and kind not in self.kinds and kind != "dynamic":
            raise DefinitionError(
                f"{type(task).__qualname__} runs on the executor {name!r}, which this engine does not have; "
                f"it has {name_choices(among=[*self.kinds, *self.roles])}; "
                f"Engine(executors={{{name!r}: ...}}) says what the name means"
            )
        return kind

    def packing_of(self, kind: Kind) -> tuple[bool, Callable[[Needs], str] | None]:
        """Return whether an executor sees to it that tasks have what they need, and what says why it never can."""
        found = self._kind(kind)
        refuse = self.refusal
        if refuse is not None and kind not in EXECUTOR_KINDS:
            refuse = partial(refuse, elsewhere=True)
        return found is not None and found.packs, refuse

    def leaves_process(self, kind: Kind) -> bool:
        """Return whether an executor sends tasks to another process."""
        found = self._kind(kind)
        return found is not None and found.leaves_process

    def _kind(self, name: Kind) -> ExecutorKind | None:
        return (EXECUTOR_KINDS if self.kinds is None else self.kinds).get(name)

    def register_class(self, task: AbstractTask) -> None:
        """Register the class of a task by its name.

        Raises:
            DefinitionError: another class has the name.
        """
        if id(type(task)) not in self.class_registry.known:
            replaced = self.class_registry.register_class(task)
            if replaced is not None:
                self.settings.pop(replaced, None)  # if it is used again, it is examined again


class TaskSettings(Struct, frozen=True, eq=False):
    """The settings of a task, with the defaults for those that its class leaves open."""

    kind: Kind
    keeps_outputs: bool
    tags: tuple[str, ...]
    retry: Retry
    timeout: float | None
    key: str
    priority: int | None
    needs: Needs | None


class Described(Struct, frozen=True, eq=False):
    """A task with its inputs, outputs and settings.

    Attributes:
        task: the user's object.
        spec: the scheduler's view of it.
        kind: the executor that runs it.
        retry: the policy for trying it again.
        timeout: time limit of one attempt, in seconds.
        inputs: an output for each input key.
        outputs: the value of ``output()``, if this process will need it again.
        needs: what it needs of the machine; None if it asks for nothing.
    """

    task: AbstractTask
    spec: TaskSpec
    kind: Kind
    retry: Retry
    timeout: float | None
    inputs: dict[str, Output[Any]]
    outputs: InOut
    needs: Needs | None = None


#: The keys that exist when a task is done, the pairs of a dynamic task's key and the deferred key for it, and what its
#: ``output()`` gave, if that is needed again.
ProducedKeys = tuple[tuple[str, ...], tuple[tuple[str, str], ...], InOut]


def describe(task: AbstractTask, defaults: Defaults, makes: ProducedKeys | None = None) -> Described:
    """Ask a task for its inputs, outputs and settings.

    Args:
        task: the task.
        defaults: settings for those that its class leaves open.
        makes: the value of :func:`produced_keys`, if it is known.

    Raises:
        DefinitionError: it gives something invalid.
        HookError: a method or property of its class raised.
    """
    hook = "task_id"
    try:
        task_id = task.task_id
        if type(task_id) is not str:  # this check saves most tasks a call
            task_id = exact_name(task, hook, task_id)
        hook = "input()"
        inputs, ephemeral, acyclic = _inputs(task)
        hook = "output()"
        if makes is None:
            makes = _produced_keys(task, task_id, task.output())
        settings = defaults.settings.get(type(task))
        if settings is None:
            _check_keys(task, task_id, makes[0])
            hook = "options"
            settings = _settings(task, defaults)
        kind, tags, retry, needs, key = settings.kind, settings.tags, settings.retry, settings.needs, settings.key
        hook = "resource_spec"
        asked = getattr(task, "resource_spec", None)
        if asked is not None:
            needs = needs_of(task, asked, *defaults.packing_of(kind))
    except BaseException as error:
        hook_failed(task, hook, error)
    made, serves, outputs = makes
    dynamic = kind == "dynamic"
    spends = spends_now(task, tags, defaults) if tags and not dynamic else ()
    if spends:
        key = ""  # it travels alone, and begins when it is sent
    # fmt: off
    spec = TaskSpec(
        task_id, (*inputs,) if inputs else (), ephemeral, made, tags, dynamic, retry.count, retry.delay,
        retry.jitter, acyclic, serves, key, "" if dynamic else kind, settings.priority, spends,
    )
    # fmt: on
    kept = outputs if settings.keeps_outputs else None
    return Described(task, spec, kind, retry, settings.timeout, inputs, kept, needs)


def spends_now(task: AbstractTask, tags: tuple[str, ...], defaults: Defaults) -> Spends:
    """Return what a task of these tags spends of the engine's limited rates by starting now."""
    if not defaults.rates:
        return ()
    from alexflow.graph.spending import spends_of  # deferred: few engines have limits of rates

    return spends_of(task, tags, defaults.rates)


def _settings(task: AbstractTask, defaults: Defaults) -> TaskSettings:
    _check_metaclass(type(task))
    defaults.register_class(task)
    tags = tags_of(task)
    options = options_of(task)
    retry, timeout = _retry_of(task), options.timeout
    timeout = defaults.timeout if timeout is None else timeout
    kind = defaults.settled_kind(task, kind_of(task, defaults.executor))
    settings = TaskSettings(
        kind,
        kind != "dynamic" and not defaults.leaves_process(kind),
        tags,
        defaults.retry if retry is None else retry,
        timeout,
        class_info(type(task)).name if timeout is None else "",
        options.priority,
        needs_of(task, spec_of_class(task), *defaults.packing_of(kind)),
    )
    if class_info(type(task)).has_class_settings:
        defaults.settings[type(task)] = settings
    return settings


def _check_keys(task: AbstractTask, task_id: str, makes: tuple[str, ...]) -> None:
    """Refuse keys made from the time, chance or a counter: outputs stored under them would never be found again."""
    again = _produced_keys(task, task_id, task.output())[0]
    if again != makes:
        other = next(pair for pair in zip_longest(makes, again) if pair[0] != pair[1])
        raise DefinitionError(
            f"{type(task).__qualname__}.output() gives other keys each time it is called: {other[0]!r}, then "
            f"{other[1]!r}; derive keys from parameters only"
        )


_NOTHING: frozenset[str] = frozenset()
_NO_INPUTS: dict[str, Output[Any]] = {}


def _inputs(task: AbstractTask) -> tuple[dict[str, Output[Any]], frozenset[str], bool]:
    """The inputs by key, which of them are ephemeral, and whether the task's id depends on all of them."""
    tree = task.input()
    if tree is None or (isinstance(tree, (tuple, list, dict)) and not tree):
        return _NO_INPUTS, _NOTHING, True
    inputs = _lasting_inputs(tree if isinstance(tree, (list, tuple)) else (tree,))
    if inputs is not None:
        return inputs, _NOTHING, _is_acyclic(task, tree)  # as of most tasks
    leaves = _leaves(task, "input", tree)
    acyclic = _is_acyclic(task, tree)
    inputs = _lasting_inputs(leaves)
    if inputs is not None:
        return inputs, _NOTHING, acyclic
    inputs = {}
    lasting: set[str] = set()
    ephemeral: set[str] = set()
    for output in leaves:
        for key in _exact_keys(output):
            known = inputs.setdefault(key, output)
            if known is not output and known.src_task_id != output.src_task_id:
                raise OutputConflict(key, (known.src_task_id, output.src_task_id))
            if output.ephemeral:
                ephemeral.add(key)
            elif ephemeral:
                lasting.add(key)
    if not ephemeral:
        return inputs, _NOTHING, acyclic
    lasting |= {key for output in leaves if not output.ephemeral for key in _exact_keys(output)}
    return inputs, frozenset(ephemeral - lasting), acyclic


def _lasting_inputs(outputs: Sequence[Any]) -> dict[str, Output[Any]] | None:
    """The outputs by key, in one pass; None if one is ephemeral, has other keys than its own, or is no output."""
    inputs: dict[str, Output[Any]] = {}
    for output in outputs:
        if not isinstance(output, Output) or output.ephemeral or type(output).physical_key_list is not ONE_KEY:
            return None
        key = output.key
        if type(key) is not str:
            return None
        inputs[key] = output
    return inputs if len(inputs) == len(outputs) else None


def _is_acyclic(task: AbstractTask, tree: Any) -> bool:
    """Whether a task's inputs are, by identity, the values of fields that its id is made from."""
    task = task.unwrapped()
    names = class_info(type(task)).unencoded
    for name in names:
        if getattr(task, name) is tree:
            return True  # true of most tasks
    own = {id(getattr(task, name)) for name in names}
    parts: list[Any] = [tree]
    for part in parts:  # grows
        if part is not None and id(part) not in own:
            if not isinstance(part, (list, tuple, dict)):
                return False
            parts += part.values() if isinstance(part, dict) else part
    return True


def _leaves(task: AbstractTask, method: str, tree: Any) -> list[Output[Any]]:
    try:
        return flatten(tree)
    except TypeError as error:
        what = f"{type(task).__qualname__}.{method}()"
        raise DefinitionError(f"{what} gives something that is not an output: {error}") from None


def _retry_of(task: AbstractTask) -> Retry | None:
    try:
        retry = cast(object, task.retry)
    except BaseException as error:
        hook_failed(task, "retry", error)
    if retry is not None and type(retry) is not Retry:
        if "retry" in class_info(type(task)).names:
            return None  # a parameter of a task of 1.x
        cls = type(task).__qualname__
        raise wrong_argument(f"{cls}.retry", retry, "a Retry, such as Retry(3)")
    return retry


def tags_of(task: AbstractTask) -> tuple[str, ...]:
    """The names of a task's tags, sorted."""
    try:
        tags: Any = task.tags
        if isinstance(tags, str):
            shown = repr_of(tags, SHORT_TEXT)
            raise DefinitionError(
                f"{type(task).__qualname__}.tags must be a set of names, not {shown}; return {{{shown}}}"
            )
        names = []
        for tag in tags:
            if not isinstance(tag, str):
                shown = repr_of(tag, SHORT_TEXT)
                raise DefinitionError(f"{type(task).__qualname__}.tags must be a set of names, but holds {shown}")
            names.append(exact_name(task, "tags", tag))
        return tuple(sorted(names))
    except BaseException as error:
        hook_failed(task, "tags", error)


def _check_metaclass(cls: type) -> None:
    """Refuse classes whose comparison runs a user's code, since the tables of an engine are keyed by class."""
    meta = type(cls)
    if meta.__eq__ is not type.__eq__ or meta.__hash__ is not type.__hash__:
        raise DefinitionError(
            f"{class_name(cls)} has a metaclass, {class_name(meta)}, with an __eq__ or __hash__ of its own; "
            f"task classes are distinguished by identity; remove it"
        )


def produced_keys(task: AbstractTask, task_id: str, given: InOut = None) -> ProducedKeys:
    """The keys that exist when a task is done.

    An output that it stores for the dynamic task that gave it has a deferred key until that task is done.

    Args:
        task: the task.
        task_id: its id.
        given: what its ``output`` gave, if it has been asked.

    Raises:
        DefinitionError: its ``output`` gives something invalid.
        HookError: it raised.
    """
    try:
        return _produced_keys(task, task_id, task.output() if given is None else given)
    except BaseException as error:
        hook_failed(task, "output()", error)


def _produced_keys(task: AbstractTask, task_id: str, tree: InOut) -> ProducedKeys:
    if tree is None:
        return (), (), None
    if isinstance(tree, Output) and tree.__dict__.get("src_task") is task:
        keys = keys_of(tree)
        if len(keys) == 1 and type(keys[0]) is str and keys[0].startswith(task_id):
            return keys, (), tree  # true of most tasks
    several: list[str] = []
    serves: list[tuple[str, str]] = []
    for output in (tree,) if isinstance(tree, Output) else _leaves(task, "output", tree):
        own = _exact_keys(output)
        if output.__dict__.get("src_task") is not task and output.src_task_id != task_id:
            _check_stored_for_another(task_id, output)
            held = [(key, deferred_key(task_id, key)) for key in own]
            serves += held
            own = [place for _, place in held]
        else:
            _check_not_of_another(task_id, own)
        several += own
    if len(set(several)) < len(several):
        twice = next(key for key in several if several.count(key) > 1)
        raise OutputConflict(twice, (task_id, task_id), "it declares the key twice")
    return tuple(several), tuple(serves), tree


def _exact_keys(output: Output[Any]) -> list[str]:
    return [exact_name(output, "key", key) for key in keys_of(output)]


#: The beginning of a key that is made from the id of a task.
_ID = re.compile(r"[^/]+\.[0-9a-f]{40}(?=[.-])")


def _check_not_of_another(task_id: str, keys: Iterable[str]) -> None:
    """Check that no key is made from the id of another task, which would then count as done."""
    for key in keys:
        found = None if key.startswith(task_id) else _ID.match(key)
        if found is not None:
            raise OutputConflict(key, (found[0], task_id), "the key begins with the id of another task")


def _check_stored_for_another(task_id: str, output: Output[Any]) -> None:
    """Check that an output of another task belongs to a dynamic task, which may have given this one."""
    if not isinstance(output.src_task.unwrapped(), DynamicTask):
        raise OutputConflict(
            output.key,
            (output.src_task_id, task_id),
            "a task stores its own outputs, or those of the dynamic task that gave it",
        )


def undeclared_output(task_id: str, key: str) -> GraphError:
    """The error for a requested output that its task does not declare."""
    return GraphError(
        f"{task_id} is to make {key!r}, but its output() does not give that output; "
        f"use the outputs that output() returns instead of building another"
    )
