"""Removal of ephemeral outputs, in the background. Until a removal has ended, its outputs seem to exist."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from alexflow.engine.background import Background
from alexflow.hooks import passes
from alexflow.logs import logger
from alexflow.storage import Storage

#: Seconds that closing waits for removals.
LAST_REMOVALS = 5.0


class Removals:
    """The removals that are in progress.

    Args:
        storage: holds the outputs.
    """

    def __init__(self, storage: Storage):
        self._storage = storage
        self.in_progress: set[asyncio.Task[None]] = set()

    def start(self, keys: Sequence[str], background: Background) -> None:
        """Remove outputs."""
        removal = background.spawn(partial(self._remove, keys))
        self.in_progress.add(removal)
        removal.add_done_callback(self.in_progress.discard)

    async def _remove(self, keys: Sequence[str]) -> None:
        try:
            await self._storage.aremove_many(keys)
        except BaseException as error:  # the results exist; an output that could not be removed only takes space
            if passes(error):
                raise
            logger.warning("ephemeral outputs could not be removed: %s", error)

    async def aclose(self) -> None:
        """Wait for the last ones."""
        if self.in_progress:
            await asyncio.wait(self.in_progress, timeout=LAST_REMOVALS)
