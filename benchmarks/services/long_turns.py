"""Turns of the event loop that are too long, each with what ran in it."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections import Counter
from types import FrameType
from typing import NamedTuple

#: Milliseconds of processor time beyond which a turn is too long.
BAR = 5.0

#: Seconds between two looks at what runs.
SAMPLE_SECONDS = 0.001

#: Functions that are named of a stack, from the innermost; and stacks of a turn, those seen most.
DEPTH, STACKS = 8, 3


class LongTurn(NamedTuple):
    """One of them.

    Attributes:
        milliseconds: of processor time.
        stacks: what was seen to run, each with how often.
    """

    milliseconds: float
    stacks: list[tuple[str, int]]


class TurnWatch:
    """Measures the processor time of each turn, but for collections of garbage: these follow from all objects.

    Use it as a context manager, in the main thread.

    Args:
        names_stacks: whether to look at what runs: that costs some percent.

    Attributes:
        turns: how many there were.
        long: those that were too long.
        longest: the milliseconds of the longest.
        seconds: of all.
        names_stacks: whether what runs is looked at.
    """

    def __init__(self, *, names_stacks: bool = False) -> None:
        self.names_stacks = names_stacks
        self.turns = 0
        self.long: list[LongTurn] = []
        self.longest = self.seconds = 0.0
        self._seen: list[str] = []
        self._collected = self._collecting = 0.0

    def __enter__(self) -> TurnWatch:
        self._loop = asyncio.get_running_loop()
        gc.callbacks.append(self._collects)
        if self.names_stacks:
            self._handler = signal.signal(signal.SIGALRM, self._look)
            signal.setitimer(signal.ITIMER_REAL, SAMPLE_SECONDS, SAMPLE_SECONDS)
        self._last = time.thread_time()
        self._next = self._loop.call_soon(self._turn)
        return self

    def __exit__(self, *_: object) -> None:
        self._next.cancel()
        self._ended()
        if self.names_stacks:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._handler)
        gc.callbacks.remove(self._collects)

    def _collects(self, phase: str, _: object) -> None:
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            self._collected += time.thread_time() - self._collecting

    def _look(self, _: int, frame: FrameType | None) -> None:
        names: list[str] = []
        while frame is not None and len(names) < DEPTH:
            code = frame.f_code
            if code.co_name not in ("_run_once", "_run", "run_forever"):
                names.append(f"{code.co_qualname}:{frame.f_lineno}" if not names else code.co_qualname)
            frame = frame.f_back
        self._seen.append(" < ".join(names))

    def _turn(self) -> None:
        self._ended()
        self._next = self._loop.call_soon(self._turn)

    def _ended(self) -> None:
        now = time.thread_time()
        took = (now - self._last - self._collected) * 1e3
        self._last, self._collected = now, 0.0
        self.turns += 1
        self.seconds += took / 1e3
        self.longest = max(self.longest, took)
        if took > BAR:
            self.long.append(LongTurn(took, Counter(self._seen).most_common(STACKS)))
        self._seen.clear()
