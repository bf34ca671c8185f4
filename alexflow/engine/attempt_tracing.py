"""``AttemptTracing``: what an engine reports to that makes the spans of attempts."""

from __future__ import annotations

from typing import Protocol

from alexflow.executors.interface import Settled
from alexflow.executors.request_context import Tracing


class AttemptTracing(Tracing, Protocol):
    """Makes the spans of attempts, also of their ends. Events would cost it half of a span more for each.

    Attributes:
        is_recording: whether a run has spans; else no end is to be reported.
    """

    is_recording: bool

    def settled(self, outcome: Settled, executor: str, attempt: int, ended: float) -> None:
        """Note the end of an attempt; of one that has not succeeded an event says what follows from it.

        Args:
            outcome: what came of it.
            executor: where it was.
            attempt: its number.
            ended: when, in seconds since 1970.
        """
        ...
