"""An event loop that measures its turns, in processor time of its thread."""

from __future__ import annotations

import asyncio
import time
from typing import Any

#: A turn that holds the loop for longer keeps requests and streams waiting.
BAR_SECONDS = 0.005


class MeasuredLoop(asyncio.SelectorEventLoop):
    """Measures each turn.

    Attributes:
        turns: how many there were.
        longest: seconds of the longest ones, the longest last.
        over: turns over 5 ms.
    """

    turns = 0
    over = 0

    def __init__(self) -> None:
        super().__init__()
        self.longest: list[float] = []

    def begin(self) -> None:
        """Forget what has been measured."""
        self.turns, self.over, self.longest = 0, 0, []

    def _run_once(self) -> None:
        begun = time.thread_time()
        super()._run_once()  # type: ignore[misc]
        took = time.thread_time() - begun
        self.turns += 1
        self.over += took > BAR_SECONDS
        if len(self.longest) < 5 or took > self.longest[0]:
            self.longest = sorted([*self.longest, took])[-5:]

    def found(self) -> dict[str, Any]:
        """Return the figures, in milliseconds."""
        return {
            "turns": self.turns,
            "over": self.over,
            "longest": [round(each * 1e3, 2) for each in self.longest[::-1]],
        }
