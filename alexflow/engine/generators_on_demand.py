"""The runner of dynamic tasks, made for the first of them: most graphs have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexflow.storage import Storage

if TYPE_CHECKING:
    from alexflow.engine.dynamic import Generators, InThread, Post


class GeneratorsOnDemand:
    """Makes :class:`~alexflow.engine.dynamic.Generators` when they are first called for. The arguments are theirs."""

    def __init__(self, storage: Storage, post: Post, in_thread: InThread | None, grace: float):
        self._arguments = storage, post, in_thread
        self._grace = grace
        self._made: Generators | None = None

    def __call__(self) -> Generators:
        """Return them."""
        if self._made is None:
            from alexflow.engine.dynamic import Generators  # deferred: threads, anyio and more come with it

            self._made = Generators(*self._arguments, grace=self._grace)
        return self._made

    async def aclose(self) -> None:
        """Close them, if there are any."""
        if self._made is not None:
            await self._made.aclose()
