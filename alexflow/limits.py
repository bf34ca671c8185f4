"""Limits of an engine: how much may wait, and how often tasks with a tag may start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alexflow.errors import DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of

__all__ = ["Queue"]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The queue of an engine: how many tasks may wait in it, and what is kept free for urgent ones.

    ::

        Engine(queue=Queue(max_queued=10_000, reserve={"process": 1}))

    Attributes:
        max_queued: while so many tasks wait that a request could not pass (they have its priority, or a higher one),
            further requests raise :class:`~alexflow.errors.Overloaded`. A request is accepted or refused as a whole, so
            one for many tasks may exceed the number. None for no limit.
        reserve: places that tasks of a priority below 0 never take, by executor: ``"process"``, ``"thread"`` or
            ``"loop"``.

    Raises:
        DefinitionError: a value is invalid.
    """

    max_queued: int | None = None
    reserve: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.max_queued is not None and not _is_whole(self.max_queued, 1):
            shown = repr_of(self.max_queued, SHORT_TEXT)
            raise DefinitionError(f"Queue.max_queued must be a whole number of at least 1, or None, not {shown}")
        if not isinstance(self.reserve, Mapping):
            shown = repr_of(self.reserve, SHORT_TEXT)
            raise DefinitionError(
                f'Queue.reserve must be a dict from executor to places, such as {{"process": 1}}, not {shown}'
            )
        for name, places in self.reserve.items():
            if not _is_whole(places, 0):
                shown = repr_of(places, SHORT_TEXT)
                raise DefinitionError(f"Queue.reserve[{name!r}] must be a whole number of at least 0, not {shown}")


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
