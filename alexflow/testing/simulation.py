"""``Simulation``: the real engine on virtual time, with simulated workers and storage.

Everything else is what runs in production: the engine, its driver, the scheduler, the graph, the user's tasks. There
are no threads, no processes, no files and no clock, so the same faults give the same history each time, everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

from alexflow.engine.driver import Driver
from alexflow.engine.engine import Engine
from alexflow.engine.result import Result
from alexflow.executors.interface import Executor
from alexflow.graph import Kind
from alexflow.scheduler import Scheduler
from alexflow.scheduler.events import Event
from alexflow.scheduler.instructions import Instruction
from alexflow.testing.attempts import ATTEMPTS, Attempts
from alexflow.testing.clock import VirtualLoop
from alexflow.testing.executor import SimulatedExecutor, SimulatedLoopExecutor
from alexflow.testing.faults import Fault, Faults
from alexflow.testing.history import History, Names
from alexflow.testing.invariants import validate
from alexflow.testing.storage import QuickStorage, SimulatedStorage

T = TypeVar("T")


class Unhandled(AssertionError):
    """Something raised where nobody could catch it."""


class Simulation:
    """A world in which an engine works, and what happens in it.

    ::

        simulation = Simulation([LostWorker("Train")])
        result = simulation.run(Train(...))
        assert simulation.attempts("Train") == 2

    Several runs one after the other share what is stored, so that it shows how work is taken up again.

    Args:
        faults: what goes wrong; :class:`RandomFaults` for chance.
        storage: what is stored; by default nothing, in one that answers at once.
        names: how tasks are called in the history; by default by their ids.
        workers: simulated worker processes.
        tick: seconds that pass each time that somebody looks at the clock (:class:`VirtualLoop`).
        scheduling: further arguments of the scheduler.
        options: further arguments of :class:`alexflow.Engine`.
    """

    def __init__(
        self,
        faults: Sequence[Fault] | Faults = (),
        *,
        storage: SimulatedStorage | None = None,
        names: Names | None = None,
        workers: int = 2,
        tick: float = 0.0,
        scheduling: Mapping[str, int] | None = None,
        **options: Any,
    ):
        self.faults = faults if isinstance(faults, Faults) else Faults(faults)
        self.history = History(names)
        self.storage = storage if storage is not None else QuickStorage()
        self._tick = tick
        self._options = {"workers": workers, "scheduling": scheduling or {}, **options}
        self._attempts = Attempts(self.faults, self.history)
        self._now = 0.0

    def attempts(self, name: str) -> int:
        """How often tasks with this id, or of a class with this name, were tried."""
        return sum(count for task, count in self._attempts.count.items() if f".{name}." in f".{task}.")

    def run(self, target: Any, **options: Any) -> Result:
        """As :func:`alexflow.run`, in this world.

        Args:
            target: as for :meth:`alexflow.Engine.run`.
            options: as for :meth:`alexflow.Engine.run`.

        Raises:
            Standstill: the run would never end.
            InvariantBroken: the scheduler's memory contradicts itself.
        """

        async def scene(engine: SimulatedEngine) -> Result:
            return await engine.run(target, **options)

        return self.play(scene)

    def play(self, scene: Callable[[SimulatedEngine], Awaitable[T]]) -> T:
        """Await ``scene(engine)`` on an event loop with virtual time, with an engine that is open meanwhile.

        Raises:
            Standstill: it would never end.
            InvariantBroken: the scheduler's memory contradicts itself.
            Unhandled: something raised in a callback of the event loop.
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
    """The engine, with simulated executors and a scheduler that is watched.

    Args:
        attempts: counts attempts, and knows faults and history.
        scheduling: further arguments of the scheduler.
        options: arguments of :class:`Engine`.
    """

    def __init__(self, attempts: Attempts, *, scheduling: Mapping[str, int], **options: Any):
        super().__init__(**options)
        self._attempts = attempts
        self._scheduling = scheduling
        self.scheduler: WatchedScheduler | None = None

    @property
    def fault(self) -> Exception | None:
        """What the engine itself did wrong."""
        return self.scheduler.fault if self.scheduler is not None else None

    def left_over(self) -> list[str]:
        """What is still known although everything has ended."""
        driver, scheduler = self._opened(), self.scheduler
        state = scheduler.state if scheduler is not None else None
        kept: dict[str, Iterable[object]] = {
            "task in the scheduler": state.nodes if state is not None else (),
            "key in the scheduler": state.keys if state is not None else (),
            "run in the scheduler": state.runs if state is not None else (),
            "task in the catalog": driver.catalog.tasks,
            "maker in the catalog": driver.catalog.producers,
            "task to be forced": driver.inspector.forced,
            "job foreseen": self._process.foreseen,
        }
        name = self._attempts.history.names
        return [f"{what}: {name(who)}" for what, those in kept.items() for who in sorted(map(str, those))]

    def _make_driver(self, scheduler: Scheduler) -> Driver:
        self.scheduler = WatchedScheduler(
            self._resources,
            self._attempts.history,
            max_deaths=self._max_deaths,
            case_sensitive=self.storage.case_sensitive,
            **self._scheduling,
        )
        self._process = SimulatedExecutor(self._workers.count or 1, self._attempts)
        executors: dict[Kind, Executor] = {
            "loop": SimulatedLoopExecutor(self._max_concurrency, self._attempts),
            "thread": SimulatedExecutor(self._workers.count or 1, self._attempts, looks_ahead=False),
            "process": self._process,
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


class WatchedScheduler(Scheduler):
    """The scheduler, with its events and instructions taken down, and its memory counted again after each.

    Args:
        limits: as :class:`Scheduler`'s.
        history: where they are taken down.
        options: as :class:`Scheduler`'s.
    """

    def __init__(self, limits: Mapping[str, int], history: History, **options: Any):
        super().__init__(limits, **options)
        self._history = history
        self.fault: Exception | None = None

    def handle(self, event: Event) -> list[Instruction]:
        self._history.message("event", event)
        try:
            instructions = super().handle(event)
            for instruction in instructions:
                self._history.message("do", instruction)
            validate(self.state)
        except Exception as error:
            self.fault = self.fault or error
            raise
        return instructions
