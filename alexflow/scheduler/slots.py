"""How many tasks with a tag may run at once. The only owner of the counts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")  # hashable


class Slots(Generic[T]):
    """Counts per tag, and who waits for a slot.

    A task with several limited tags takes all its slots together or none. It waits at the first that is full; when one
    comes free there, it looks at all of them again and may have to wait at another.

    Args:
        limits: how many at once, by tag; a tag without a limit is unbounded.
        still_waits: whether somebody in a queue still wants to start.

    Raises:
        ValueError: a limit is less than 1.
    """

    def __init__(self, limits: Mapping[str, int], still_waits: Callable[[T], bool]):
        for tag, limit in limits.items():
            if limit < 1:
                raise ValueError(
                    f"limit of tag {tag!r} is {limit}; it must be at least 1, or no task with it could run"
                )
        self.limits = dict(limits)
        self._still_waits = still_waits
        self._taken = dict.fromkeys(limits, 0)
        self.unused = set(limits)  #: Limited tags that nothing has had yet.
        self._queues: dict[str, OrderedDict[T, tuple[str, ...]]] = {tag: OrderedDict() for tag in limits}

    def take(self, who: T, tags: tuple[str, ...]) -> bool:
        """Take a slot for each limited tag; if one is full, ``who`` waits and will come back from :meth:`release`."""
        limited = [tag for tag in dict.fromkeys(tags) if tag in self.limits]
        if self.unused:
            self.unused.difference_update(limited)
        for tag in limited:
            if self._taken[tag] >= self.limits[tag]:
                self._queues[tag][who] = tags
                return False
        for tag in limited:
            self._taken[tag] += 1
        return True

    def release(self, tags: tuple[str, ...]) -> list[T]:
        """Give slots back. Returns those who waited and now hold all of theirs."""
        limited = [tag for tag in dict.fromkeys(tags) if tag in self.limits]
        for tag in limited:
            self._taken[tag] -= 1
        holders: list[T] = []
        for tag in limited:
            queue = self._queues[tag]
            # everyone is looked at once at most: who must wait again goes to another queue, or to the end of this
            for _ in range(len(queue)):
                if self._taken[tag] >= self.limits[tag]:
                    break
                who, wanted = queue.popitem(last=False)
                if self._still_waits(who) and self.take(who, wanted):
                    holders.append(who)
        return holders

    def forget(self, who: T, tags: tuple[str, ...]) -> None:
        """``who`` does not wait any more, in case that it did."""
        for tag in tags:
            if tag in self._queues:
                self._queues[tag].pop(who, None)

    @property
    def waiting(self) -> int:
        """How many are in queues."""
        return sum(map(len, self._queues.values()))

    def taken(self, tag: str) -> int:
        """How many slots of ``tag`` are taken."""
        return self._taken.get(tag, 0)
