"""Tasks: immutable descriptions of units of work."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Iterable
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, cast, get_origin

from alexflow.errors import DefinitionError, InvalidKey
from alexflow.frozen import allow_frozen_subclasses, frozen_dataclass, new_instance, set_field
from alexflow.hooks import SHORT_TEXT, passes, repr_of, text_of
from alexflow.html_repr import html_table, shown_safely
from alexflow.identity import SECRET_SHOWN, Canonical, Pending, short_repr
from alexflow.model.class_info import STALE_CLASS_INFO, ClassInfo, FieldInfo, WithClassInfo, class_info
from alexflow.model.construction import plain_output
from alexflow.model.definition import check_task_class, explain_undecorated
from alexflow.model.options import TaskOptions
from alexflow.model.output import Output
from alexflow.model.required import no_default
from alexflow.model.resource_spec import ResourceSpec
from alexflow.model.retry import Retry
from alexflow.model.serializer import serialize
from alexflow.model.task_id import compute_task_id
from alexflow.model.tree import InOut
from alexflow.storage.keys import check_key

if TYPE_CHECKING:
    from alexflow.storage import Storage

OutputT = TypeVar("OutputT", bound=Output[Any])

#: Key names that are cached for a task class, so that they need not be checked for its next task.
MOST_BUILT = 64


@frozen_dataclass
class AbstractTask(WithClassInfo):
    """Base of :class:`Task`, :class:`DynamicTask` and :class:`WrapperTask`.

    Subclasses are frozen dataclasses. Two tasks are equal when they are of one class and their ids are equal.

    Class variables:
        version: a string or integer; changing it changes all ids of the class.
        task_name: pins the name in the ids, so that the class can be renamed or moved.
        options: executor and time limit. For what it leaves open the engine's settings hold.
        retry: the policy for trying a failed task again; None for the engine's.
        resource_spec: CPUs, memory and devices that each task of the class needs; the field of an instance comes first.

    None of them but ``resource_spec`` may be a field; ``options``, ``retry`` and ``version`` may be properties if tasks
    differ.
    """

    __class_info__: ClassVar[ClassInfo] = STALE_CLASS_INFO
    __identified_by__: ClassVar[frozenset[str]] = frozenset()
    __free_names__: ClassVar[frozenset[str]] = frozenset()  # names of members that a field may have

    _task_id: ClassVar[str | None] = None  # cached in the instance's own __dict__
    version: ClassVar[str | int | None] = None
    task_name: ClassVar[str | None] = None
    options: ClassVar[TaskOptions] = TaskOptions()
    retry: ClassVar[Retry | None] = None

    def __init__(self) -> None:
        self.__post_init__()

    def __post_init__(self, *init_vars: Any) -> None:
        check_fields(self)  # refuses a class with an InitVar, whose value arrives here

    @classmethod
    def __check_class__(cls) -> None:
        check_task_class(cls, [base for base in cls.__mro__ if base.__module__ == __name__], cls.__free_names__)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if isinstance(cls.__dict__.get("resource_spec"), property):
            raise DefinitionError(
                f"{cls.__qualname__}.resource_spec is a property, but a field of each task: give it where a task is "
                f"made, {cls.__qualname__}(…, resource_spec=ResourceSpec(…)), or once for the class: "
                f"resource_spec = ResourceSpec(…)"
            )
        explain_undecorated(cls)
        # @dataclass keeps methods that the class body defines; its own would compare and print field by field, down
        # through all ancestors
        for name in ("__eq__", "__hash__", "__repr__"):
            if name not in cls.__dict__:
                setattr(cls, name, getattr(cls, name))

    # -- described by users

    def input(self) -> InOut:
        """The outputs that this task reads; the engine makes them exist before it calls ``run``."""
        return None

    def output(self) -> InOut:
        """The outputs that this task stores; a task without outputs runs every time it is requested."""
        return None

    @property
    def tags(self) -> set[str]:
        """Names that an engine's ``limits={"tag": n}`` can limit: at most n tasks with the tag run at once."""
        return set()

    def build_output(
        self, output_class: type[OutputT], key: str, storage: Storage | None = None, **kwargs: Any
    ) -> OutputT:
        """An output of this task; its key is the task's id, a dot, and ``key``.

        Args:
            output_class: the format, e.g. ``BinaryOutput`` or ``BinaryOutput[np.ndarray]``.
            key: a name, unique within the task, such as ``"model.pkl"``.
            storage: a storage to bind it to; seldom needed.
            kwargs: further fields of ``output_class``.
        """
        info = self.__class_info__
        built = (info if info.cls is type(self) else class_info(type(self))).built  # spares most a call
        known = built.get(key)
        if known is not None and known[0] is output_class and storage is None and not kwargs:
            built_before: OutputT = plain_output(known[1], self, f"{self.task_id}.{key}")
            return built_before
        if not isinstance(key, str):
            raise InvalidKey(f"the output key of {type(self).__qualname__} is {short_repr(key)}, not a string")
        if key[:1] in ("", "/"):
            raise InvalidKey(f"the output key {key!r} of {type(self).__qualname__} is {'absolute' if key else 'empty'}")
        if key[0] == ".":  # checked alone, since after the id it would look harmless
            check_key(key)
        cls: Any = output_class if isinstance(output_class, type) else get_origin(output_class)
        if not isinstance(cls, type) or not issubclass(cls, Output):
            raise DefinitionError(
                f"{type(self).__qualname__}.build_output is given {short_repr(output_class)}, "
                f"which is not an output class; "
                f"give it a format, such as JSONOutput, BinaryOutput or PandasOutput, as a class"
            )
        full_key = f"{self.task_id}.{key}"
        if storage is None and not kwargs and class_info(cls).default_construction:
            output = plain_output(cls, self, check_key(full_key))
            if len(built) < MOST_BUILT:
                built[key] = output_class, cls
        else:
            output = cls(src_task=self, key=full_key, storage=storage, **kwargs)
        return output  # type: ignore[no-any-return]

    # -- identity

    @property
    def task_id(self) -> str:
        """``module.qualname.digest``: the same for equal significant parameters, in every process."""
        known = self._task_id
        return known if known is not None else compute_task_id(self)

    def known_id(self) -> str | None:
        """The id, if it has been computed."""
        return self._task_id

    def unwrapped(self) -> AbstractTask:
        """The task whose id this one has: the wrapped task for wrappers, otherwise itself."""
        return self

    def __canonical__(self, pending: Pending) -> Canonical:
        task = self.unwrapped()
        if task.known_id() is None:
            pending.append(task)
        return ["task", task.known_id()]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AbstractTask) or type(self) is not type(other):
            return NotImplemented
        return self.task_id == other.task_id

    def __hash__(self) -> int:
        return hash(self.task_id)

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({_shown_fields(self)})"

    @shown_safely
    def _repr_html_(self) -> str:
        info = class_info(type(self))
        values = ((field, getattr(self, field.name, None)) for field in info.fields if field.name in info.significant)
        rows = [(field.name, _shown_in_notebook(field, value)) for field, value in values if value is not None]
        return html_table(type(self).__qualname__, [*rows, ("id", _id_or_reason(self))])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_task_id"}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # it is immutable, and behind it there may be a long way of tasks

    def serialize(self) -> dict[str, Any]:
        """This task and all tasks behind it as plain data for ``json.dumps``; ``alexflow.deserialize`` reads it.

        Raises:
            DocumentError: a value cannot be written; the message begins with the path to it.
        """
        return serialize(self)


@frozen_dataclass
class Task(AbstractTask):
    """One unit of work: ``run`` reads the inputs and stores the outputs."""

    __class_info__: ClassVar[ClassInfo] = STALE_CLASS_INFO

    resource_spec: ResourceSpec | None = field(default=None, repr=False, compare=False, kw_only=True)

    def __init__(self, *, resource_spec: ResourceSpec | None = None) -> None:
        set_field(self, "resource_spec", resource_spec)
        self.__post_init__()

    def run(self, input: Any, output: Any) -> Any:
        """Do the work. ``def`` runs in a worker process, ``async def`` on the event loop.

        Args:
            input: the value of ``input()``, bound to the storage.
            output: the value of ``output()``, bound to the storage; stored data become visible once this has returned.
        """


#: The values that ``generate`` may give.
GeneratedTasks = AbstractTask | Iterable[AbstractTask] | AsyncIterable[AbstractTask] | None


@frozen_dataclass
class DynamicTask(AbstractTask):
    """A task that decides what to run once its inputs are there."""

    __class_info__: ClassVar[ClassInfo] = STALE_CLASS_INFO

    resource_spec: ResourceSpec | None = field(default=None, repr=False, compare=False, kw_only=True)

    def __init__(self, *, resource_spec: ResourceSpec | None = None) -> None:
        set_field(self, "resource_spec", resource_spec)
        self.__post_init__()

    def generate(self, input: Any, output: Any) -> GeneratedTasks | Awaitable[GeneratedTasks]:
        """Give the tasks to run: one, a list, or an iterator (also ``async``), which is consumed lazily.

        It is called once per attempt, in a thread of the engine's process, or on the event loop if it is ``async``. The
        task is done when everything that it gave is done and its own outputs, if it has any, have been stored by those
        tasks.
        """
        return None


@frozen_dataclass
class WrapperTask(AbstractTask):
    """Another task under another class: its id, input, output and run are those of the task it wraps."""

    __class_info__: ClassVar[ClassInfo] = STALE_CLASS_INFO

    task: Task = no_default

    def __init__(self, task: Task = no_default) -> None:
        set_field(self, "task", task)
        self.__post_init__()

    def input(self) -> InOut:
        return self.task.input()

    def output(self) -> InOut:
        return self.task.output()

    def run(self, input: Any, output: Any) -> Any:
        """Run the wrapped task."""
        return self.task.run(input, output)

    @property
    def tags(self) -> set[str]:
        return self.task.tags

    @property
    def task_id(self) -> str:
        return self.unwrapped().task_id

    def unwrapped(self) -> AbstractTask:
        task: AbstractTask = self
        while isinstance(task, WrapperTask):
            task = task.task
        if not isinstance(task, AbstractTask):
            raise DefinitionError(f"{type(self).__qualname__}.task must be the task that it wraps, not {repr_of(task)}")
        return task

    def build_output(
        self, output_class: type[OutputT], key: str, storage: Storage | None = None, **kwargs: Any
    ) -> OutputT:
        return self.task.build_output(output_class, key, storage, **kwargs)


allow_frozen_subclasses(AbstractTask, Task, DynamicTask, WrapperTask)


def task_behind(output: Output[Any]) -> AbstractTask:
    """The task behind an output; an output itself knows it as a :class:`~alexflow.model.class_info.SourceTask` only."""
    return cast(AbstractTask, output.src_task)


def check_fields(task: AbstractTask) -> None:
    """Check the values of an instance's fields.

    Raises:
        TypeError: a required field is missing, or a field that is not optional is None.
        ValueError: a field's contract is broken.
    """
    info = class_info(type(task))
    for name in info.checked:
        value = getattr(task, name)
        if value is None:
            if not info.field(name).allows_none:
                raise TypeError(f"{type(task).__qualname__}.{name} is None, but its type is not optional")
        elif value is no_default:
            raise TypeError(f"{type(task).__qualname__}.__init__ missing 1 required argument: '{name}'")
    for contract in info.contracts:
        value = getattr(task, contract.name)
        if value is not None and contract.contract is not None and not contract.contract(value):
            shown = SECRET_SHOWN if contract.secret else short_repr(value)
            raise ValueError(f"{type(task).__qualname__}.{contract.name} breaks its contract: {shown}")


def rebuild_task(info: ClassInfo, values: list[Any], task_id: str) -> AbstractTask:
    """Make a task from the values of its fields and its id, in a fifth of the time that its constructor takes.

    For classes that are :attr:`~ClassInfo.rebuildable`. Keyword-only fields at the end may be left out if they are at
    their defaults.
    """
    left_out = len(info.names) - len(values)
    if left_out:
        values = [*values, *info.keyword_defaults[-left_out:]]
    task: AbstractTask = new_instance(info.cls)  # type: ignore[arg-type]
    state = task.__dict__
    state.update(zip(info.names, values, strict=True))
    state["_task_id"] = task_id
    return task


def _shown_fields(task: AbstractTask) -> str:
    info = class_info(type(task))
    shown = (field for field in info.fields if field.name in info.significant)  # in the order of the class
    values = ((field, getattr(task, field.name, None)) for field in shown)
    return ", ".join(f"{field.name}={_shown_value(field, value)}" for field, value in values if value is not None)


def _shown_value(field: FieldInfo, value: Any) -> str:
    if field.secret:
        return SECRET_SHOWN
    if isinstance(value, AbstractTask):  # one level: a chain of nested tasks may be long
        return f"{type(value).__qualname__}(…)"
    return short_repr(value)


def _shown_in_notebook(field: FieldInfo, value: Any) -> str:
    try:
        return _shown_value(field, value)
    except BaseException as error:  # of the user's, in its __repr__
        if passes(error):
            raise
        return repr_of(value, SHORT_TEXT)


def _id_or_reason(task: AbstractTask) -> str:
    try:
        return task.task_id
    except BaseException as error:  # of the user's, in an `encode` or the like
        if passes(error):
            raise
        return text_of(error, SHORT_TEXT)
