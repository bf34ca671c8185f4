"""Agents that answer within the process: no socket, no worker, nothing is stored.

What they do themselves is measured, so that it can be subtracted. The engine's side is the real one, with all messages
encoded and decoded.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec

from alexflow.cluster import AgentExecutor
from alexflow.cluster.connection import AgentConnection
from alexflow.cluster.messages import (
    Deliver,
    Introduction,
    ReapWorker,
    Started,
    StartWorker,
    WorkerEnded,
    WorkerReports,
    decode_for_agent,
    encode,
)
from alexflow.executors.interface import JobSource, Report, Usage
from alexflow.executors.process.wire.messages import LENGTH, JobsDone, Revoke, Revoked, ToWorker, Work
from alexflow.model import AbstractTask
from alexflow.storage import Storage

_decode = msgspec.msgpack.Decoder(ToWorker).decode

_USED = Usage(1, 0, 0, {}, 0.0)


class Answers:
    """Frames that come in after a time, by one timer: those of the event loop compare themselves in Python.

    Attributes:
        own: seconds of CPU that finding those that are due takes, which lines would not have to.
    """

    def __init__(self) -> None:
        self.own = 0.0
        self._loop = asyncio.get_running_loop()
        self._due: list[tuple[float, int, Callable[[bytes], None], bytes]] = []
        self._number = count()
        self._timer: asyncio.TimerHandle | None = None

    def come_in(self, receive: Callable[[bytes], None], frame: bytes, after: float) -> None:
        """Let a frame come in after so many seconds, in a turn of the event loop as one that was read."""
        if not after:
            self._loop.call_soon(receive, frame)
            return
        due = self._loop.time() + after
        heapq.heappush(self._due, (due, next(self._number), receive, frame))
        if self._timer is None or due < self._timer.when():
            self._set_timer(due)

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        started = time.thread_time()
        now = self._loop.time()
        come: list[tuple[Callable[[bytes], None], bytes]] = []
        while self._due and self._due[0][0] <= now:
            come.append(heapq.heappop(self._due)[2:])
        self.own += time.thread_time() - started
        for receive, frame in come:
            self._loop.call_soon(receive, frame)
        self._timer = None
        if self._due:
            self._set_timer(self._due[0][0])


class QuickLine:
    """A line to an agent that says of each job, after a time, that it is done."""

    def __init__(self, seconds: float, on_job: Callable[[str], None], answers: Answers):
        self._seconds = seconds
        self._on_job = on_job
        self._answers = answers
        self._loop = asyncio.get_running_loop()
        self._outgoing: list[Any] = []
        self.agent: AgentConnection
        self.jobs = self.messages = 0
        self.own = 0.0  # seconds of CPU that this side takes

    def send(self, message: Any) -> None:
        """Take a message, and others of the same turn."""
        if not self._outgoing:
            self._loop.call_soon(self.flush)
        self._outgoing.append(message)

    def flush(self) -> None:
        """Encode what has gathered, as the engine does, and take it in."""
        messages, self._outgoing = self._outgoing, []
        data = encode(messages)
        self.messages += 1
        started = time.thread_time()
        for message in decode_for_agent(data):
            if isinstance(message, StartWorker):
                self._answer(Started(message.worker, 1))
            elif isinstance(message, Deliver):
                self._take(message)
            elif isinstance(message, ReapWorker):
                self._answer(WorkerEnded(message.worker, 0, 0, 0, 0))
        self.own += time.thread_time() - started

    def _take(self, message: Deliver) -> None:
        at = 0
        while at < len(message.frames):
            (size,) = LENGTH.unpack_from(message.frames, at)
            at += LENGTH.size + size
            work = _decode(message.frames[at - size : at])
            if isinstance(work, Work) and work.jobs:
                numbers = [job.number for job in work.jobs]
                for job in work.jobs:
                    self._on_job(job.task_id)
                self.jobs += len(numbers)
                took = [max(self._seconds, 2e-5)] * len(numbers)
                done = JobsDone(numbers, took, [], {}, [_USED] * len(numbers))
                self._answer(WorkerReports(message.worker, [done], time.monotonic()), self._seconds * len(numbers))
            elif isinstance(work, Revoke):
                self._answer(WorkerReports(message.worker, [Revoked([])], time.monotonic()))

    def _answer(self, message: Any, after: float = 0.0) -> None:
        self._answers.come_in(self.agent.receive, encode([message]), after)

    def close(self) -> None:
        """Be gone."""
        self._loop.call_soon(self.agent.lose)


class QuickAgents(AgentExecutor):
    """Has so many agents of one place each, whose jobs take so many seconds."""

    def __init__(self, count: int, seconds: float):
        super().__init__()
        self._count = count
        self._seconds = seconds
        self.lines: list[QuickLine] = []
        self.answers: Answers
        self.last: AbstractTask | None = None  # its output is looked for

    def _begins(self, task_id: str) -> None:
        if self.last is not None and task_id == self.last.task_id:
            output: Any = self.last.output()
            output.assign_storage(self._storage).store(0)

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        self._storage = storage
        super().open(storage, report, source)
        pool = self._opened()
        answers = self.answers = Answers()
        for number in range(self._count):
            line = QuickLine(self._seconds, self._begins, answers)
            introduction = Introduction(b"", b"", f"agent-{number}", "here", 1, 1, "", "", 1, 0, {})
            leaves, no_modules = pool.leaves, lambda agent, found: None
            line.agent = AgentConnection(line, introduction, None, leaves, no_modules, pool.are_cold)  # type: ignore[arg-type]
            self.lines.append(line)
            pool.came(line.agent)
