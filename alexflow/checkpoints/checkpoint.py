"""``Checkpoint``: the state that a task saves while it runs, and finds when it is run again.

Each save is a file of its own, written whole, in the storage's reserved space ``checkpoints``; older ones are removed
afterwards. So a save that is killed leaves the one before, and a damaged file is passed over for the one before.

A value is pickled: the state of an optimizer, of a generator of random numbers or of a data loader is whatever its
library made of it, and a checkpoint is read by the program that wrote it, or not at all. A library that has its own
files for this saves them in a directory, and that is kept as it is. Other formats come in by that door: a parameter for
them would be a second one.

The directory is the caller's, for saving and for loading. Rejected: one that is made here and watched. Libraries keep
several states in a directory, with an index, and write at moments of their own; only the caller knows when it is whole.
"""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self, TypeVar, cast, overload

from alexflow.arguments import check_whole, wrong_argument
from alexflow.checkpoints.content import CHECKED_AT_ONCE, Damaged, Header, check, file_parts
from alexflow.checkpoints.in_use import in_use
from alexflow.checkpoints.kept import encode_label
from alexflow.checkpoints.names import file_name, label_name, parse, stem_of
from alexflow.errors import DefinitionError, EncodingError, UnknownStorage
from alexflow.hooks import class_name, plain_text, repr_of, text_of
from alexflow.logs import logger
from alexflow.storage import Storage
from alexflow.storage.reserved import ReservedSpace
from alexflow.type_vars import T

if TYPE_CHECKING:
    import asyncio

D = TypeVar("D")


class Checkpoint:
    """The checkpoint of one task under one name; made by ``alexflow.current.checkpoint()``. ::

        with current.checkpoint() as checkpoint:
            state = checkpoint.load(default=new_state())
            while state["step"] < 100:
                state = train_one_step(state)
                checkpoint.save(state)

    In async tasks it is used with ``async with``, ``await checkpoint.aload(…)`` and ``await checkpoint.asave(…)``.
    It is removed when the task's outputs are published.

    Attributes:
        task_id: the task's id.
        name: its name.
        saves: how many there have been, over all attempts; 0 if there is nothing to load.
    """

    def __init__(self, storage: Storage, task_id: str, name: str = "state", *, keep: int = 2, code: str = ""):
        if type(name) is not str or not name or plain_text(name) != name:
            raise wrong_argument("the name of a checkpoint", name, "a text")
        check_whole("keep", keep)
        space = storage.reserved("checkpoints")
        if space is None:
            raise UnknownStorage(f"{repr_of(storage)} has no room for checkpoints")
        self.task_id = task_id
        self.name = name
        self._keep = keep
        self._space: ReservedSpace = space
        self._stem = stem_of(task_id, name, code, space.prefix)
        self._numbers: list[int] = []  # of the files that are there, in order
        self._is_open = False
        self._has_label = False  # as far as is known
        self._turns: asyncio.Lock | None = None

    def __repr__(self) -> str:
        return f"Checkpoint({self.task_id!r}, {self.name!r}, saves={self.saves})"

    # -- opening

    def __enter__(self) -> Self:
        """Find what was saved before."""
        in_use.setdefault(self.task_id, {})[self._stem] = self.remove
        self._space.sweep(self._stem)  # what a killed save has left: this attempt is the only one
        names = self._space.names(self._stem)
        self._has_label = label_name(self._stem) in names
        self._numbers = [saved[1] for name in names if (saved := parse(name)) is not None]
        self._is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False

    async def __aenter__(self) -> Self:
        return await self._in_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False

    @property
    def saves(self) -> int:
        return self._numbers[-1] if self._numbers else 0

    # -- a value

    def save(self, state: Any) -> None:
        """Save a state, in place of the one before.

        Raises:
            EncodingError: it cannot be pickled.
            StorageError: the storage refused.
        """
        self._write("pickle", [self._pickled(state)])

    @overload
    def load(self, default: None) -> Any: ...

    @overload
    def load(self, default: D) -> D: ...

    def load(self, default: Any) -> Any:
        """Load the last state that was saved, or return ``default`` if there is none.

        One that is damaged, or cannot be unpickled any more, is passed over for the one before, with a warning.
        """
        for header, file in self._saved():
            self._expect("pickle", header)
            try:
                return pickle.load(file)
            except Exception as error:  # whatever a class of the user's raises
                self._pass_over(f"{class_name(type(error))}: {text_of(error)}")
        return default

    async def asave(self, state: Any) -> None:
        """:meth:`save`, for async tasks: the state is pickled at once, and written in a thread, one after the other."""
        pickled = self._pickled(state)
        if self._turns is None:
            from asyncio import Lock  # deferred: of no use to most worker processes

            self._turns = Lock()
        async with self._turns:
            await self._in_thread(lambda: self._write("pickle", [pickled]))

    @overload
    async def aload(self, default: None) -> Any: ...

    @overload
    async def aload(self, default: D) -> D: ...

    async def aload(self, default: Any) -> Any:
        """:meth:`load`, for async tasks."""
        return await self._in_thread(lambda: self.load(default))

    # -- the files of a directory

    def save_directory(self, directory: str | os.PathLike[str]) -> None:
        """Save all files of a directory, in place of the state before.

        Raises:
            EncodingError: it has what is neither a file nor a directory, or a name that not every machine allows.
            StorageError: the storage refused.
        """
        from tempfile import TemporaryFile  # deferred, as the next: few tasks use it

        from alexflow.formats.directory import pack

        with TemporaryFile() as file:
            try:
                pack(os.fspath(directory), cast(BinaryIO, file))
            except ValueError as error:
                raise EncodingError(f"{self._named()} cannot be saved: {error}") from error
            file.seek(0)
            self._write("directory", iter(lambda: file.read(CHECKED_AT_ONCE), b""))

    def load_directory(self, directory: str | os.PathLike[str]) -> bool:
        """Write the files that were saved last into a directory, which is made, or is empty.

        Returns:
            Whether there were any.
        """
        from alexflow.formats.directory import unpack  # deferred, as above

        target = Path(directory)
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise DefinitionError(f"a checkpoint is loaded into an empty directory, and {target} is not")
        for header, file in self._saved():
            self._expect("directory", header)
            unpack(file, target)  # an archive may have something before it and behind it
            return True
        return False

    async def asave_directory(self, directory: str | os.PathLike[str]) -> None:
        """:meth:`save_directory`, for async tasks."""
        await self._in_thread(lambda: self.save_directory(directory))

    async def aload_directory(self, directory: str | os.PathLike[str]) -> bool:
        """:meth:`load_directory`, for async tasks."""
        return await self._in_thread(lambda: self.load_directory(directory))

    # -- removing

    def remove(self) -> None:
        """Remove all that was saved. What the storage has against it is logged: it only takes room."""
        try:
            for name in self._space.names(self._stem):
                self._space.remove(name)
            self._space.sweep(self._stem)
            self._numbers = []
        except Exception as error:
            logger.warning("%s: its checkpoint could not be removed: %s", self.task_id, text_of(error))

    # -- files

    def _write(self, kind: Literal["pickle", "directory"], state: Iterable[bytes]) -> None:
        if not self._is_open:
            raise DefinitionError("a checkpoint is saved inside `with current.checkpoint() as checkpoint:`")
        number = self.saves + 1
        if not self._has_label:
            self._space.write(label_name(self._stem), encode_label(self.task_id, self.name, self._space.prefix))
            self._has_label = True
        header = Header(self.task_id, self.name, kind, time.time())
        self._space.write_parts(file_name(self._stem, number), file_parts(header, state))
        self._numbers.append(number)
        while len(self._numbers) > self._keep:
            self._space.remove(file_name(self._stem, self._numbers[0]))
            del self._numbers[0]

    def _saved(self) -> Iterator[tuple[Header, BinaryIO]]:
        """Yield what was saved and is whole, the last first, each file at the beginning of its state."""
        for number in reversed(self._numbers):
            try:
                file = self._space.open(file_name(self._stem, number))
            except FileNotFoundError:
                continue
            with file:
                try:
                    header, begin = check(file)
                except Damaged as error:
                    self._pass_over(str(error))
                    continue
                file.seek(begin)
                yield header, file

    def _pass_over(self, why: str) -> None:
        logger.warning("%s: a save of its checkpoint %r is passed over: %s", self.task_id, self.name, why)

    def _expect(self, kind: str, header: Header) -> None:
        if header.kind != kind:
            other = "load_directory" if header.kind == "directory" else "load"
            raise DefinitionError(f"{self._named()} has a state of another kind: use {other}")

    def _pickled(self, state: Any) -> bytes:
        try:
            return pickle.dumps(state, protocol=5)
        except Exception:  # of a function, or a class that is nowhere to be imported from
            import cloudpickle  # deferred: few states need it

            try:
                return cast(bytes, cloudpickle.dumps(state, protocol=5))
            except Exception as error:
                raise EncodingError(
                    f"{self._named()}: a state of type {class_name(type(state))} cannot be pickled: {text_of(error)}; "
                    f"save what it is made of, such as its state_dict(), or files by save_directory"
                ) from error

    def _named(self) -> str:
        return f"checkpoint {self.name!r} of {self.task_id}"

    @staticmethod
    async def _in_thread(work: Callable[[], T]) -> T:
        from alexflow.storage.background import in_thread  # deferred: asyncio, of no use to most worker processes

        return await in_thread(work)
