"""Requests for many targets enter the scheduler in parts, so that none takes the event loop's turn from others.

What is to be inspected for them is asked for once all are known: a storage that is a server is asked in one piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import islice

from alexflow.engine.storage_questions import StorageQuestions
from alexflow.graph import Subjects
from alexflow.scheduler.events import TargetsAdded
from alexflow.type_vars import T

#: Targets that the scheduler takes in at once: some millisecond.
TARGETS_PER_PART = 128


class TargetParts:
    """The targets of a request, divided.

    Args:
        subjects: all of them.

    Attributes:
        first: the first part.
        targets: how many targets there are.
        are_more: whether there are parts besides the first.
    """

    def __init__(self, subjects: Subjects):
        self.targets = len(subjects.outputs) + len(subjects.tasks)
        self.are_more = self.targets > TARGETS_PER_PART
        self._parts = _divided(subjects) if self.are_more else iter((subjects,))
        self.first = next(self._parts)

    async def add_others(
        self, run_id: int, post: Callable[[TargetsAdded, Subjects], Awaitable[None]], questions: StorageQuestions
    ) -> None:
        """Have the scheduler take in all parts but the first, which began the request.

        Args:
            run_id: the scheduler's number of the request.
            post: takes an event, and waits until it has been handled.
            questions: has what is to be asked for.
        """
        left = self.targets - len(self.first.outputs) - len(self.first.tasks)
        try:
            for part in self._parts:
                await asyncio.sleep(0)
                left -= len(part.outputs) + len(part.tasks)
                event = TargetsAdded(run_id, tuple(part.outputs), tuple(part.tasks), more=left > 0)
                await post(event, part)
        finally:
            questions.ask_held(run_id)


def _divided(subjects: Subjects) -> Iterator[Subjects]:
    for outputs in _slices(subjects.outputs):
        yield Subjects(outputs, {}, {})
    for tasks in _slices(subjects.tasks):
        yield Subjects({}, tasks, {}, given=subjects.given)


def _slices(whole: Mapping[str, T]) -> Iterator[dict[str, T]]:
    items = iter(whole.items())
    while part := dict(islice(items, TARGETS_PER_PART)):
        yield part
