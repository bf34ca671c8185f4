"""Loading: the value of an output, computed first if it does not exist."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from alexflow.engine.chance import chance
from alexflow.engine.driver import Driver
from alexflow.engine.uses import MOST_WAITING, Uses
from alexflow.errors import (
    DefinitionError,
    OutputDamaged,
    OutputMissing,
    OutputNotFound,
    RunFailed,
    StorageUnavailable,
    TaskError,
)
from alexflow.hooks import a_thing, hook_failed, is_a, is_ours, passes
from alexflow.model import AbstractTask, Output, keys_of
from alexflow.storage import Storage
from alexflow.type_vars import T

if TYPE_CHECKING:
    from alexflow.engine.hot_outputs import HotOutputs
    from alexflow.storage.memory_cache import MemoryCache

#: Loads of outputs that exist between two turns of the event loop: some half a millisecond.
LOADS_PER_TURN = 32

#: Loads after which it is looked at whether they have had their slice of the event loop's turn.
LOADS_PER_LOOK = 8

#: Elements of a list that are looked at between two turns of the event loop: some half a millisecond.
CHECKED_PER_TURN = 4096

#: How often ``load`` has an output made again that is removed before it can be read.
MAX_LOADS = 30

#: The longest pause before an output that was removed is made again: the first time, and at most. It doubles each time,
#: as a disk that is busy for a moment lets what removes an output come first every time.
LOST_PAUSE_SECONDS, MAX_LOST_PAUSE_SECONDS = 0.004, 0.128


class Loads:
    """The loads of one engine.

    Args:
        storage: the engine's.
        opened: gives the driver of the open engine.
        hot: the storage with what is kept in memory, if that was asked for.
        uses: gets what is loaded, if there is a record.

    Attributes:
        hot: the same.
        uses: the same.
        hits: loads of outputs that existed.
    """

    def __init__(
        self, storage: Storage, opened: Callable[[], Driver], hot: HotOutputs | None = None, uses: Uses | None = None
    ):
        self._storage = storage
        self.uses = uses
        self._opened = opened
        self.hot = hot
        self._count = 0
        self.hits = 0

    def kept_value(self, output: object) -> tuple[Any] | None:
        """Return the value of an output that is kept in memory, in a tuple; None if it has to be read or requested.

        It is what :meth:`load` gives, in half of its time.
        """
        hot = self.hot
        if hot is None or not isinstance(output, Output) or (self._count + 1) % LOADS_PER_LOOK == 0:
            return None
        driver = self._opened()
        if driver.intake.waiting or not driver.can_read(output):
            return None
        kept = hot.value_of(output) if hot.keeps_values else _decoded(output, hot.bytes_of(output.key))
        if kept is not None:
            self._count += 1
            self.hits += 1
            if self.uses is not None:
                self.uses.add((output.key,))
        return kept

    async def load(
        self,
        output: Output[T],
        make: Callable[[Output[T]], Awaitable[object]],
        *,
        outdated: bool = False,
    ) -> T:
        """Load the value of an output.

        Args:
            output: the output.
            make: requests it; called if it does not exist.
            outdated: whether the output has to be requested although it exists.
        """
        if not isinstance(output, Output):
            raise not_loadable(output)
        was_damaged, failure = False, None
        driver = self._opened()
        intake = driver.intake
        self._count += 1
        is_due = self._count % LOADS_PER_LOOK == 0 and (self._count % LOADS_PER_TURN == 0 or intake.is_over())
        if is_due or intake.waiting:
            await intake.wait()  # reading what exists may wait for nothing, and the loop has other work
            driver = self._opened()
        if not outdated and driver.can_read(output):
            # an output that exists is read at once: one look at the storage, and no request
            try:
                value = await self.value(output)
                self.hits += 1
                return value
            except OutputNotFound as error:
                if error.key not in keys_of(output):
                    raise
                was_damaged = isinstance(error, OutputDamaged)  # then it has been moved out of the way
        for looks_left in reversed(range(MAX_LOADS)):
            try:
                await make(output)
                return await self.value(output)
            except OutputDamaged:
                if was_damaged:
                    raise
                was_damaged = True  # it has been moved out of the way
            except (OutputNotFound, RunFailed) as error:
                if not looks_left or not _was_removed(output, error):
                    failure = only_failure(error)
                    if failure is None:
                        raise
                    break
                # what removes it may do so in step with the loads: a random pause gets out of step
                pause = LOST_PAUSE_SECONDS * 2 ** (MAX_LOADS - 1 - looks_left)
                await asyncio.sleep(chance() * min(pause, MAX_LOST_PAUSE_SECONDS))
        assert failure is not None  # for type checkers
        raise failure.with_traceback(None)  # other callers raise the same

    async def load_all(
        self, outputs: Sequence[Output[T]], make: Callable[[Sequence[Output[T]]], Awaitable[object]]
    ) -> list[T]:
        """Load the values of outputs; those that do not exist are requested together."""
        for start in range(0, len(outputs), CHECKED_PER_TURN):
            if start:
                await asyncio.sleep(0)
            for output in outputs[start : start + CHECKED_PER_TURN]:
                if not isinstance(output, Output):
                    raise not_loadable(output)
        values: list[Any] = [None] * len(outputs)
        missing: list[int] = []
        for start in range(0, len(outputs), LOADS_PER_TURN):
            numbers = range(start, min(start + LOADS_PER_TURN, len(outputs)))
            can_read = self._opened().can_read
            if self._storage.answers_at_once:
                found = [await self._find(outputs[number], number, values, can_read) for number in numbers]
            else:  # each waits for a server
                found = await asyncio.gather(*(self._find(outputs[n], n, values, can_read) for n in numbers))
            if not all(found):
                missing += [number for number, is_there in zip(numbers, found, strict=True) if not is_there]
            await asyncio.sleep(0)
        if missing:
            await make([outputs[number] for number in missing])
            for number in missing:
                values[number] = await self.load(outputs[number], lambda output: make([output]))
        return values

    @property
    def are_at_once(self) -> bool:
        """Whether reading waits for no server."""
        return self._storage.answers_at_once

    async def existing(self, keys: Sequence[str]) -> set[str]:
        """Select the keys that exist."""
        if self._storage.answers_at_once:
            return self._storage.exists_many(keys)
        return await self._storage.aexists_many(keys)

    async def _find(
        self, output: Output[T], number: int, values: list[Any], can_read: Callable[[Output[T]], bool]
    ) -> bool:
        """Put the value of an output among ``values``, if it exists. Returns whether it does."""
        if can_read(output):
            try:
                values[number] = await self.value(output)
                self.hits += 1
                return True
            except OutputNotFound as error:
                if error.key not in keys_of(output):
                    raise
        return False

    async def value(self, output: Output[T]) -> T:
        """Read the value of an output that exists.

        Raises:
            OutputNotFound: it does not.
        """
        uses, hot = self.uses, self.hot
        if uses is not None:
            if 0 < len(uses.names) < MOST_WAITING:  # spares a call
                uses.names.add(output.key)
            else:
                uses.add((output.key,))
        kept = hot.value_of(output) if hot is not None and hot.keeps_values else None
        if kept is not None:
            found: T = kept[0]
            return found
        storage = self._storage if hot is None else hot
        try:
            if type(output).aload is Output.aload:  # as of most: an object and a coroutine less
                kept = _decoded(output, await storage.aread(output.key))
            value = await output.assign_storage(storage).aload() if kept is None else kept[0]
        except BaseException as error:
            if is_a(error, StorageUnavailable):
                self._opened().storage_ok = False
            if passes(error) or is_ours(error) or is_a(error, OSError):
                raise
            hook_failed(output, "aload()", error)
        if hot is not None and hot.keeps_values:
            hot.keep_value(output, value)
        return value


def _decoded(output: Output[Any], data: bytes | None) -> tuple[Any] | None:
    """Decode what an output's class does not read in a way of its own; None where it does, or that fails."""
    if data is None:
        return None
    try:
        return (output.decode(data),) if type(output).aload is Output.aload else None
    except BaseException as error:  # the way of all others raises what is right
        if passes(error):
            raise
        return None


def make_hot(storage: Storage, limits: MemoryCache) -> HotOutputs:
    """Make the storage that keeps outputs in memory."""
    from alexflow.engine.hot_outputs import HotOutputs  # deferred: services have one

    return HotOutputs(storage, limits)


def only_failure(error: OutputNotFound | RunFailed) -> TaskError | None:
    """Return the error of the task that failed, if no other did."""
    failures = error.exceptions if isinstance(error, RunFailed) else ()
    return failures[0] if len(failures) == 1 and isinstance(failures[0], TaskError) else None


def not_loadable(given: object, function: str = "load") -> DefinitionError:
    """Make the error for something that is no output, where a function of the engine takes one."""
    cls = given if isinstance(given, type) else type(given)
    what = cls.__qualname__
    hint = f"; {function}({what}(…).output())" if issubclass(cls, AbstractTask) else ""
    shown = f"the class {what}" if cls is given else a_thing(what)
    return DefinitionError(f"{function} takes an output, not {shown}{hint}")


def _was_removed(output: Output[Any], error: OutputNotFound | RunFailed) -> bool:
    """Whether the output existed, and was removed before it could be read."""
    keys = keys_of(output)
    if isinstance(error, OutputNotFound):
        return error.key in keys
    return all(isinstance(failure, OutputMissing) and failure.task_id in keys for failure in error.exceptions)
