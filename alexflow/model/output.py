"""``Output[T]``: a named, typed place for the result of a task."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Generic, Literal, NoReturn, Self, cast, overload

from alexflow.errors import AlexflowError, DecodingError, DefinitionError, EncodingError, NoFormat, OutputNotBound
from alexflow.frozen import allow_frozen_subclasses, frozen_dataclass, new_instance
from alexflow.hooks import a_thing, as_cause, class_name, is_a, own_attribute, text_of
from alexflow.html_repr import html_table, shown, shown_safely
from alexflow.identity import Canonical, ComputeNow, Pending, canonical, packb
from alexflow.model.class_info import STALE_CLASS_INFO, ClassInfo, SourceTask, WithClassInfo, class_info
from alexflow.model.lazy_source_task import LazySourceTask
from alexflow.model.read_only import stored_by_reader
from alexflow.model.serializer import serialize
from alexflow.storage.keys import check_key
from alexflow.type_vars import T, T_co

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from pathlib import Path

    from alexflow.storage import Storage
    from alexflow.storage.async_streams import AsyncReader, AsyncWriter
    from alexflow.storage.local.appended_file import AppendedFile
    from alexflow.storage.part_codec import PartCodec
    from alexflow.storage.staged import Mode


#: Parts up to this size are written on the event loop: it takes less than a thread would.
MAX_APPENDED_INLINE = 64 * 1024  # bytes


@frozen_dataclass
class Output(WithClassInfo, Generic[T_co]):
    """The result of a task, by name: the key that it is stored under, and the format that makes a value bytes.

    Subclasses are formats: they implement :meth:`encode` and :meth:`decode`. Two outputs are equal if their ids and
    the significant fields that a format adds are equal; the fields of ``src_task`` are not compared.

    Attributes:
        src_task: the task whose parameters the key is derived from.
        key: the name in a storage.
        storage: the storage that it is bound to; None in a task's ``output()``.
        ephemeral: whether it may be removed once everything in a run that reads it is done.
    """

    __class_info__: ClassVar[ClassInfo] = STALE_CLASS_INFO
    __identified_by__: ClassVar[frozenset[str]] = frozenset({"src_task", "key"})

    #: Whether loading data from an untrusted source is safe, that is, runs no code of its author. Each format sets it.
    safe_to_share: ClassVar[bool] = False

    src_task: SourceTask
    key: str
    storage: Storage | None = field(default=None, compare=False)
    ephemeral: bool = field(default=False, compare=False)

    # cached in the instance's own __dict__
    _output_id: ClassVar[str | None] = None
    _reader: ClassVar[Any] = None  # the task that has it as an input, while that runs
    __canonical_form__: ClassVar[Canonical] = None

    def __init__(self, src_task: SourceTask, key: str, storage: Storage | None = None, ephemeral: bool = False) -> None:
        self.__dict__.update(src_task=src_task, key=key, storage=storage, ephemeral=ephemeral)
        self.__post_init__()

    def __post_init__(self) -> None:
        check_key(self.key)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "src_task" in cls.__dict__.get("__slots__", ()):
            raise DefinitionError(
                f"{cls.__qualname__} cannot have slots: an output may be without its src_task; remove slots=True"
            )
        # @dataclass keeps methods that the class body defines; its own would compare and print field by field, down
        # through all ancestors
        for name in ("__eq__", "__hash__", "__repr__"):
            if name not in cls.__dict__:
                setattr(cls, name, getattr(cls, name))

    # -- identity

    @property
    def output_id(self) -> str:
        """The identity of the stored data: the key, with the task's id before it unless the key begins with that."""
        known = self._output_id
        return known if known is not None else self._make_id(self.src_task.task_id)

    def _make_id(self, task_id: str) -> str:
        output_id = self.key if self.key.startswith(task_id + ".") else f"{task_id}:{self.key}"
        self.__dict__["_output_id"] = output_id
        return output_id

    @property
    def src_task_id(self) -> str:
        """Id of the task behind this output; available even where the task itself is not."""
        known = self.__dict__.get("_src_task_id")
        return known if known is not None else self.src_task.task_id

    def __canonical__(self, pending: Pending) -> Canonical:
        output_id = self._output_id
        if output_id is None:
            task = self.src_task.unwrapped()
            if task.known_id() is None:
                pending.append(task)
            task_id = task.known_id()
            if task_id is not None:  # else go on: tasks among the options have to be found too
                output_id = self._make_id(task_id)
        info = class_info(type(self))
        if not info.significant:
            return "output", output_id
        options = self._options(info, pending)
        return ("output", output_id, options) if options else ("output", output_id)

    def _options(self, info: ClassInfo, pending: Pending) -> list[list[Canonical]]:
        """Significant fields that a format adds, unless at their defaults: they make another view of the same bytes."""
        given = [(name, canonical(info.identity_value(self, name), pending)) for name in info.significant]
        # compared as bytes: 1 is not True here
        return [[name, value] for name, value in given if packb(value) != info.defaults.get(name)]

    def _view(self) -> bytes:
        return packb(self.__canonical__(ComputeNow()))  # there may be tasks among the options

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        other = cast("Output[Any]", other)
        return self.output_id == other.output_id and (
            not class_info(type(self)).significant or self._view() == other._view()
        )

    def __hash__(self) -> int:
        return hash(self.output_id)

    def __repr__(self) -> str:
        flag = ", ephemeral" if self.ephemeral else ""
        return f"<{type(self).__qualname__} {self.key}{flag}>"

    @shown_safely
    def _repr_html_(self) -> str:
        storage = [] if self.storage is None else [("storage", shown(self.storage))]
        ephemeral = [("ephemeral", "yes")] if self.ephemeral else []
        return html_table(type(self).__qualname__, [("key", self.key), *storage, *ephemeral])

    if not TYPE_CHECKING:  # to type checkers it has none

        def __getitem__(self, index: object) -> NoReturn:
            """Refuse an output that is taken for its value: `sum(output)`, `output[0]`, `for row in output`."""
            raise TypeError(f"{self!r} stands for a value: its load() gives that, in a task's run or of a result")

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        state["src_task"] = self.src_task
        return state

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # it is immutable, and there may be a long chain of tasks behind it

    def serialize(self) -> dict[str, Any]:
        """This output, without its storage, as plain data for ``json.dumps``; ``alexflow.deserialize`` reads it.

        Raises:
            DocumentError: a value cannot be written; the message begins with the path to it.
        """
        return serialize(self)

    # -- its storage

    def assign_storage(self, storage: Storage | None) -> Self:
        """The same output, bound to a storage.

        Raises:
            DefinitionError: ``storage`` is the path or URL of one.
        """
        if not hasattr(storage, "publish") and (isinstance(storage, str) or hasattr(storage, "__fspath__")):
            raise DefinitionError(
                f"{self.key}: assign_storage takes a storage, not {str(storage)!r}; "
                f"write assign_storage(open_storage({str(storage)!r}))"
            )
        twin = new_instance(type(self))  # as below, a call less: for each input and output of each task
        twin.__dict__.update(self.__dict__, storage=storage)
        return twin

    def as_ephemeral(self) -> Self:
        """The same output, to be removed once everything in the run that reads it is done."""
        return self._with("ephemeral", True)

    def _with(self, name: str, value: Any) -> Self:
        # dataclasses.replace would need src_task, which a worker may not have, and would check the key again
        twin = new_instance(type(self))
        state = twin.__dict__
        state.update(self.__dict__)
        state[name] = value
        return twin

    def physical_key_list(self) -> list[str]:
        """The keys that must exist for this output to exist: several for an output that is composed of others."""
        return [self.key]

    @property
    def bound_storage(self) -> Storage:
        """The storage behind this output.

        Raises:
            OutputNotBound: it has none.
        """
        if self.storage is None:
            raise OutputNotBound(
                f"{self.key} is not bound to a storage; use the outputs that run() is given or that a result holds, "
                f"or output.assign_storage(storage)"
            )
        return self.storage

    def _to_write(self) -> Storage:
        if self._reader is not None:
            raise stored_by_reader(self, self._reader)
        return self.storage or self.bound_storage

    def exists(self) -> bool:
        """Whether the output is stored completely."""
        keys = self.physical_key_list()
        return len(self.bound_storage.exists_many(keys)) == len(set(keys))

    async def aexists(self) -> bool:
        """Whether the output is stored completely."""
        keys = self.physical_key_list()
        return len(await self.bound_storage.aexists_many(keys)) == len(set(keys))

    def remove(self) -> None:
        """Remove the stored data, if there is any."""
        self.bound_storage.remove_many(self.physical_key_list())

    async def aremove(self) -> None:
        """Remove the stored data, if there is any."""
        await self.bound_storage.aremove_many(self.physical_key_list())

    # -- values

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]  # a task stores only what it declared
        """The bytes to store for ``value``. Formats override this."""
        self._no_format()

    def decode(self, data: bytes) -> T_co:
        """The value behind stored bytes. Formats override this."""
        self._no_format()

    def _no_format(self) -> NoReturn:
        raise NoFormat(
            f"{type(self).__qualname__} says nothing about bytes; build {self.key} with a format, "
            f"such as BinaryOutput or JSONOutput, or give {type(self).__qualname__} encode() and decode()"
        )

    def store(self, value: T_co) -> None:  # type: ignore[misc]
        """Store a value; inside ``run`` it becomes visible once ``run`` has returned."""
        self._to_write().write(self.key, self._encoded(value))

    def _encoded(self, value: Any) -> bytes:
        try:
            return self.encode(value)
        except Exception as error:  # the value's own code may raise anything
            raise self._unencodable(value, error) from as_cause(error)

    def _unencodable(self, value: Any, error: Exception) -> EncodingError:
        kind, format = a_thing(type(value).__qualname__), type(self).__qualname__
        why = text_of(error) or class_name(type(error))
        kinds = type(error), type(own_attribute(error, "__cause__"))  # isinstance would ask the exception itself
        if any(issubclass(each, RecursionError) for each in kinds):
            why += "; it contains itself, or is a long chain, such as an output with thousands of tasks behind it"
        return EncodingError(f"{self.key}: {kind} cannot be stored as {format}: {why}")

    def load(self) -> T_co:
        """The stored value.

        Raises:
            OutputNotFound: nothing is stored.
            DecodingError: the stored data cannot be read in this format.
        """
        return self._decoded((self.storage or self.bound_storage).read(self.key))

    def _decoded(self, data: bytes) -> T_co:
        try:
            return self.decode(data)
        except Exception as error:  # a library, or the value's own code, may raise anything
            if not self._is_of_data(error):
                raise
            raise self._undecodable(error) from as_cause(error)

    def _is_of_data(self, error: Exception) -> bool:
        """Whether an error of :meth:`decode` is due to the data, not to the storage or the machine."""
        return not is_a(error, (AlexflowError, MemoryError)) and getattr(error, "errno", None) is None

    def _undecodable(self, error: Exception) -> DecodingError:
        return DecodingError(self.key, type(self).__qualname__, f"{class_name(type(error))}: {text_of(error)}")

    async def astore(self, value: T_co) -> None:  # type: ignore[misc]
        """:meth:`store`, for ``async def run``."""
        await self._to_write().awrite(self.key, self._encoded(value))

    async def aload(self) -> T_co:
        """:meth:`load`, for ``async def run``."""
        return self._decoded(await (self.storage or self.bound_storage).aread(self.key))

    # -- part by part

    def part_codec(self) -> PartCodec:
        """Return the codec of appended parts. Formats to which a task can append override this.

        Raises:
            NoFormat: nothing can be appended in this format.
        """
        raise NoFormat(
            f"{self.key}: {type(self).__qualname__} is written as a whole; to append to an output, or to stream it, "
            f"build it with TextOutput, BytesOutput or JSONLinesOutput"
        )

    def append(self, part: Any) -> None:
        """Add a part, in ``run``: readers of :meth:`Engine.stream` get it at once.

        The parts together are the output, which becomes visible as a whole once ``run`` has returned. What a task
        appends replaces what it has stored before, and the other way round.

        Args:
            part: of a text, text; of bytes, bytes; of JSON lines, one value.

        Raises:
            NoFormat: nothing can be appended in this format.
            EncodingError: the part cannot be written.
            DefinitionError: the output is not one that ``run`` was given.
        """
        file = self._appended()
        file.write(self._encoded_part(file, part))

    async def aappend(self, part: Any) -> None:
        """:meth:`append`, for ``async def run``."""
        file = self._appended()
        data = self._encoded_part(file, part)
        if len(data) <= MAX_APPENDED_INLINE:
            file.write(data)
        else:
            from alexflow.storage.background import in_thread  # deferred: asyncio, of no use to a worker process

            await in_thread(file.write, data)

    def _appended(self) -> AppendedFile:
        appended = getattr(self._to_write(), "appended", None)  # of a transaction
        if appended is None:
            raise DefinitionError(
                f"{self.key}: parts are appended while the task runs; append to the output that run() is given"
            )
        file: AppendedFile = appended(self.key, self.part_codec)
        return file

    def _encoded_part(self, file: AppendedFile, part: Any) -> bytes:
        try:
            return file.encode(part)
        except Exception as error:  # the part's own code may raise anything
            raise self._unencodable(part, error) from as_cause(error)

    # -- bytes, piece by piece

    @overload
    def open(self, mode: Literal["rb"] = "rb") -> BinaryIO: ...

    @overload
    def open(self, mode: Literal["wb"]) -> AbstractContextManager[BinaryIO]: ...

    def open(self, mode: Literal["rb", "wb"] = "rb") -> BinaryIO | AbstractContextManager[BinaryIO]:
        """Open the stored bytes as a file, which need not fit in memory.

        With ``"wb"`` the data are stored when the ``with`` block is left, and become visible, as with :meth:`store`,
        once ``run`` has returned; if the block is left by an exception, nothing is stored.

        ::

            with output.open("wb") as file:
                for chunk in chunks:
                    file.write(chunk)

        Raises:
            OutputNotFound: nothing is stored, in mode ``"rb"``.
        """
        if mode == "rb":
            return self.bound_storage.reader(self.key)
        if mode == "wb":
            return _block(self._to_write().writer(self.key), "open('wb')")
        raise _wrong_mode(mode)

    @overload
    def aopen(self, mode: Literal["rb"] = "rb") -> AbstractAsyncContextManager[AsyncReader]: ...

    @overload
    def aopen(self, mode: Literal["wb"]) -> AbstractAsyncContextManager[AsyncWriter]: ...

    def aopen(
        self, mode: Literal["rb", "wb"] = "rb"
    ) -> AbstractAsyncContextManager[AsyncReader] | AbstractAsyncContextManager[AsyncWriter]:
        """:meth:`open`, for ``async def run``: ``async with output.aopen("wb") as file: await file.write(chunk)``."""
        if mode == "rb":
            return _block(self.bound_storage.areader(self.key), "aopen()")
        if mode == "wb":
            return _block(self._to_write().awriter(self.key), "aopen('wb')")
        raise _wrong_mode(mode)

    def path(self, mode: Mode = "r") -> AbstractContextManager[Path]:
        """A local path, for libraries that take a file's name: ``with output.path("w") as path: model.save(path)``."""
        return _block((self.bound_storage if mode == "r" else self._to_write()).path(self.key, mode), f"path({mode!r})")

    def apath(self, mode: Mode = "r") -> AbstractAsyncContextManager[Path]:
        """:meth:`path`, for ``async def run``."""
        return _block(
            (self.bound_storage if mode == "r" else self._to_write()).apath(self.key, mode), f"apath({mode!r})"
        )


def _block(manager: T, call: str) -> T:
    from alexflow.model.block import AsyncBlock, Block  # deferred: most outputs are loaded and stored whole

    return cast(T, (AsyncBlock if hasattr(manager, "__aenter__") else Block)(manager, f"output.{call}"))


def _wrong_mode(mode: str) -> ValueError:
    return ValueError(f"an output is opened for reading, 'rb', or for writing, 'wb', not {mode!r}")


#: The method of outputs that have their own key, and no other.
ONE_KEY = Output.physical_key_list


def keys_of(output: Output[Any]) -> tuple[str, ...]:
    """The keys that must exist for an output to exist."""
    return (output.key,) if type(output).physical_key_list is ONE_KEY else tuple(output.physical_key_list())


allow_frozen_subclasses(Output)
Output.src_task = LazySourceTask()  # type: ignore[assignment]  # after @dataclass, which would take it for a default
