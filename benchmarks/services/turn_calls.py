"""The calls of functions in each turn of the event loop: a measure of turns that no other program disturbs."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from types import CodeType, FrameType, TracebackType
from typing import Any, Self

#: The time of a call, by the clock that slices of turns are measured with meanwhile: about that of a call on a quick
#: machine.
SECONDS_PER_CALL = 0.2e-6

#: Functions that are named of the longest turn.
MOST_NAMED = 8


class TurnCalls:
    """Counts calls by turn. Use it as a context manager, on a loop of asyncio's own.

    The loop's clock follows the calls, so that a slice has as many on every machine, and however slow counting is.

    Attributes:
        turns: how many there were.
        calls: of all.
        longest: the calls of the longest turn.
        names: the functions called most in that one.
    """

    names_stacks = False

    def __init__(self) -> None:
        self.turns = self.calls = self.longest = 0
        self.names = ""
        self._in_turn = 0
        self._of_turn: Counter[CodeType] = Counter()
        self._waited = 0.0

    def __enter__(self) -> Self:
        loop: Any = asyncio.get_running_loop()
        self._loop, self._began = loop, loop.time()
        self._select = loop._selector.select
        loop._selector.select, loop.time = self._wait, self._time
        self._next = loop.call_soon(self._turn)
        sys.setprofile(self._count)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        sys.setprofile(None)
        self._next.cancel()
        self._ended()
        del self._loop.time, self._loop._selector.select

    def _time(self) -> float:
        return float(self._began + self._waited + (self.calls + self._in_turn) * SECONDS_PER_CALL)

    def _wait(self, timeout: float | None = None) -> Any:
        began = time.perf_counter()
        events = self._select(timeout)
        self._waited += time.perf_counter() - began
        return events

    def _count(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            self._in_turn += 1
            self._of_turn[frame.f_code] += 1
        elif event == "c_call":
            self._in_turn += 1

    def _turn(self) -> None:
        self._ended()
        self._next = self._loop.call_soon(self._turn)

    def _ended(self) -> None:
        calls, of_turn = self._in_turn, self._of_turn
        self._in_turn, self._of_turn = 0, Counter()
        self.turns += 1
        self.calls += calls
        if calls > self.longest:
            self.longest = calls
            most = Counter(of_turn).most_common(MOST_NAMED)
            self.names = ", ".join(f"{count} x {code.co_qualname}" for code, count in most)
