"""Simulations: the real engine in virtual time, with simulated workers and storage.

Everything else is the code of production: the engine, its driver, the scheduler, the graph, the user's tasks. There are
no threads, no processes, no files and no clock, so the same faults give the same history each time, everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random
from typing import Any

from alexflow.engine.driver import Driver
from alexflow.engine.engine import Engine
from alexflow.engine.result import Result
from alexflow.executors.event_loop import LoopExecutor
from alexflow.executors.interface import Executor
from alexflow.graph import Kind
from alexflow.scheduler import Scheduler
from alexflow.scheduler.events import Event
from alexflow.scheduler.instructions import Instruction
from alexflow.scheduler.rates import RateSpec
from alexflow.scheduler.state import State
from alexflow.testing.attempts import ATTEMPTS, Attempts
from alexflow.testing.clock import VirtualLoop
from alexflow.testing.executor import InVirtualTime, SimulatedExecutor
from alexflow.testing.faults import Faults, SimulatedFault
from alexflow.testing.history import Names, SimulationHistory
from alexflow.testing.storage import QuickStorage, SimulatedStorage
from alexflow.type_vars import T

StateCheck = Callable[[State], object]


class Unhandled(AssertionError):
    """An exception in a callback of the event loop."""


class Simulation:
    """An engine in virtual time, and its history.

    ::

        simulation = Simulation([LostWorker("Train")])
        result = simulation.run(Train(...))
        assert simulation.attempts("Train") == 2

    Runs of one simulation share what is stored, so that a second run shows how work is taken up again.

    Args:
        faults: the faults, or :class:`RandomFaults`.
        storage: the storage; by default an empty one that answers at once.
        names: short names of tasks for the history; by default their ids.
        workers: simulated worker processes.
        tick: seconds that pass each time the clock is read (:class:`VirtualLoop`).
        scheduling: further arguments of the scheduler.
        check: called with the scheduler's state after each event; an exception fails the simulation. The tests of
            alexflow pass a function that counts everything in it again.
        options: further arguments of :class:`alexflow.Engine`.
    """

    def __init__(
        self,
        faults: Sequence[SimulatedFault] | Faults = (),
        *,
        storage: SimulatedStorage | None = None,
        names: Names | None = None,
        workers: int = 2,
        tick: float = 0.0,
        scheduling: Mapping[str, int] | None = None,
        check: StateCheck | None = None,
        **options: Any,
    ):
        self.faults = faults if isinstance(faults, Faults) else Faults(faults)
        self.history = SimulationHistory(names)
        self.storage = storage if storage is not None else QuickStorage()
        self._tick = tick
        self._options = {"workers": workers, "scheduling": scheduling or {}, "check": check, **options}
        self._attempts = Attempts(self.faults, self.history)
        self._now = 0.0

    def attempts(self, name: str) -> int:
        """Return the number of attempts at tasks with this id, or of a class with this name."""
        return sum(count for task, count in self._attempts.count.items() if f".{name}." in f".{task}.")

    def run(self, target: Any, **options: Any) -> Result:
        """Run a target, as :func:`alexflow.run` does.

        Args:
            target: as for :meth:`alexflow.Engine.run`.
            options: as for :meth:`alexflow.Engine.run`.

        Raises:
            Standstill: the run would never end.
            Endless: the run goes on and on.
        """

        async def scene(engine: SimulatedEngine) -> Result:
            return await engine.run(target, **options)

        return self.play(scene)

    def play(self, scene: Callable[[SimulatedEngine], Awaitable[T]]) -> T:
        """Await ``scene(engine)`` on an event loop with virtual time, with an open engine.

        Raises:
            Standstill: it would never end.
            Endless: it goes on and on.
            Unhandled: a callback of the event loop raised.
        """
        loop = VirtualLoop(self._now, self._tick)
        self.history.clock = loop.time
        unhandled: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: unhandled.append(context))
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                result = runner.run(self._with_engine(scene))
            if unhandled:
                raise Unhandled(unhandled[0]["message"]) from unhandled[0].get("exception")
            return result
        finally:
            self._now = loop.time()
            self.history.clock = lambda: self._now

    async def _with_engine(self, scene: Callable[[SimulatedEngine], Awaitable[T]]) -> T:
        self._attempts.under_way.clear()
        self.storage.begin(self.faults, self.history)
        token = ATTEMPTS.set(self._attempts)
        try:
            async with SimulatedEngine(self._attempts, storage=self.storage, **self._options) as engine:
                result = await scene(engine)
            if engine.fault is not None:
                raise engine.fault
            return result
        finally:
            ATTEMPTS.reset(token)


class SimulatedEngine(Engine):
    """The engine, with simulated executors and a recorded scheduler.

    Args:
        attempts: counts attempts, and has faults and history.
        scheduling: further arguments of the scheduler.
        check: called with the scheduler's state after each event.
        options: arguments of :class:`Engine`.
    """

    def __init__(self, attempts: Attempts, *, scheduling: Mapping[str, int], check: StateCheck | None, **options: Any):
        super().__init__(**options)
        self._attempts = attempts
        self._scheduling = scheduling
        self._check = check
        self.scheduler: RecordedScheduler | None = None  #: None until the engine is open.

    @property
    def fault(self) -> Exception | None:
        """The scheduler's first error, if any: a bug of alexflow."""
        return self.scheduler.fault if self.scheduler is not None else None

    def _make_driver(self, scheduler: Scheduler) -> Driver:
        self.scheduler = RecordedScheduler(
            self._limits,
            self._attempts.history,
            self._check,
            max_deaths=self._max_deaths,
            case_sensitive=self.storage.case_sensitive,
            **self._scheduling,
        )
        self.process = SimulatedExecutor(self._workers.count or 1, self._attempts)
        executors: dict[Kind, Executor] = {
            "loop": LoopExecutor(self._max_concurrency, how=InVirtualTime(self._attempts)),
            "thread": SimulatedExecutor(self._workers.count or 1, self._attempts, looks_ahead=False),
            "process": self.process,
        }
        return Driver(
            self.scheduler,
            self.storage,
            self._defaults,
            executors,
            self._broadcast,
            in_thread=asyncio.to_thread,
            chance=Random(0).random,
        )


class RecordedScheduler(Scheduler):
    """The scheduler, with its events and instructions recorded, and its state checked after each event.

    Args:
        limits: as for :class:`Scheduler`.
        history: where they are recorded.
        check: called with its state after each event.
        options: as for :class:`Scheduler`.
    """

    def __init__(
        self,
        limits: Mapping[str, int | RateSpec],
        history: SimulationHistory,
        check: StateCheck | None = None,
        **options: Any,
    ):
        super().__init__(limits, **options)
        self._history = history
        self._check = check
        self.fault: Exception | None = None

    def handle(self, event: Event, now: float = 0.0) -> list[Instruction]:
        self._history.message("event", event)
        try:
            instructions = super().handle(event, now)
            for instruction in instructions:
                self._history.message("do", instruction)
            if self._check is not None:
                self._check(self.state)
        except Exception as error:
            self.fault = self.fault or error
            raise
        return instructions
