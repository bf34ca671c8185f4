"""Loading: the value of an output, computed first if it does not exist."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from alexflow.engine.chance import chance
from alexflow.engine.driver import Driver
from alexflow.errors import DefinitionError, OutputDamaged, OutputMissing, OutputNotFound, RunFailed
from alexflow.hooks import hook_failed, is_a, is_ours, passes
from alexflow.model import AbstractTask, Output, keys_of
from alexflow.storage import Storage
from alexflow.type_vars import T

#: Loads of outputs that exist between two turns of the event loop: some half a millisecond.
LOADS_PER_TURN = 32

#: How often ``load`` has an output made again that is removed before it can be read.
MAX_LOADS = 20

#: The longest pause before an output that was removed is made again.
LOST_PAUSE_SECONDS = 0.004


class Loads:
    """The loads of one engine.

    Args:
        storage: the engine's.
        opened: gives the driver of the open engine.
    """

    def __init__(self, storage: Storage, opened: Callable[[], Driver]):
        self._storage = storage
        self._opened = opened
        self._count = 0

    async def load(
        self,
        output: Output[T],
        make: Callable[[Output[T]], Awaitable[object]],
        refuse: Callable[[Output[T]], None] | None = None,
    ) -> T:
        """Load the value of an output.

        Args:
            output: the output.
            make: requests it; called if it does not exist.
            refuse: raises the error for a request for which there is no room; None if there always is.
        """
        if not isinstance(output, Output):
            raise not_loadable(output)
        was_damaged = False
        self._count += 1
        if self._count % LOADS_PER_TURN == 0:
            await asyncio.sleep(0)  # reading what exists may wait for nothing, and the loop has other work
        if refuse is not None:
            refuse(output)
        if self._opened().can_read(output):
            # an output that exists is read at once: one look at the storage, and no request
            try:
                return await self._value(output)
            except OutputNotFound as error:
                if error.key not in keys_of(output):
                    raise
                was_damaged = isinstance(error, OutputDamaged)  # then it has been moved out of the way
        for looks_left in reversed(range(MAX_LOADS)):
            try:
                await make(output)
                return await self._value(output)
            except OutputDamaged:
                if was_damaged:
                    raise
                was_damaged = True  # it has been moved out of the way
            except (OutputNotFound, RunFailed) as error:
                if not looks_left or not _was_removed(output, error):
                    raise
                # what removes it may do so in step with the loads: a random pause gets out of step
                await asyncio.sleep(chance() * LOST_PAUSE_SECONDS)
        raise AssertionError  # for type checkers

    async def _value(self, output: Output[T]) -> T:
        try:
            return await output.assign_storage(self._storage).aload()
        except BaseException as error:
            if passes(error) or is_ours(error) or is_a(error, OSError):
                raise
            hook_failed(output, "aload()", error)


def not_loadable(given: object) -> DefinitionError:
    """Make the error for something that is no output."""
    what = type(given).__qualname__
    hint = f"; load({what}(…).output())" if isinstance(given, AbstractTask) else ""
    return DefinitionError(f"load takes an output, not a {what}{hint}")


def _was_removed(output: Output[Any], error: OutputNotFound | RunFailed) -> bool:
    """Whether the output existed, and was removed before it could be read."""
    keys = keys_of(output)
    if isinstance(error, OutputNotFound):
        return error.key in keys
    return all(isinstance(failure, OutputMissing) and failure.task_id in keys for failure in error.exceptions)
