"""Ids of spans that are used before their spans are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class SpanIds:
    """Generates ids as another generator does, but for the next span if that has got its id already.

    A task in a worker process is over when its span is made, with the times that were measured there, and spans inside
    it have long had its id as that of their parent. The API has no other way to give a span its id.

    Args:
        before: the generator of a tracer.
    """

    def __init__(self, before: Any):
        self._before = before
        #: Generates an id as the other generator does.
        self.generate: Callable[[], int] = before.generate_span_id
        self._next = 0

    def use(self, span_id: int) -> None:
        """Give the next span this id."""
        self._next = span_id

    def generate_span_id(self) -> int:
        """Return an id for a span."""
        if self._next:
            span_id, self._next = self._next, 0
            return span_id
        return self.generate()

    def __getattr__(self, name: str) -> Any:
        """Do all else as before: ids of traces."""
        return getattr(self._before, name)
