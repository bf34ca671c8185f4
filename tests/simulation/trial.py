"""Trials: a scenario is played first with all its faults, then once more without, with what is stored by then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct, structs

from alexflow.engine.engine import Engine
from alexflow.errors import EngineClosed, RunFailed, TaskError
from alexflow.testing.clock import Endless, Standstill
from alexflow.testing.faults import Faults, RandomFaults, SimulatedFault
from alexflow.testing.history import HistoryEntry, Names
from alexflow.testing.simulation import SimulatedEngine, Simulation, Unhandled
from alexflow.testing.storage import QuickStorage, SimulatedStorage
from tests.scheduler.invariants import InvariantBroken, validate
from tests.simulation.scenario import RequestPlan, Scenario, build, output_of, value_of

#: Seconds in which everything ends that no caller waits for any more.
ALL_ENDS = 1000.0


class Outcome(Struct, frozen=True):
    """The outcome of a request.

    Attributes:
        number: its number, from 1.
        plan: the request.
        how: its end: ``cancelled`` by its caller, ``closed`` with the engine, ``error`` otherwise.
        ran: how many tasks ran for it.
        failures: tasks that failed.
        skipped: tasks that did not run because of those.
        lacking: targets that did not exist when it ended well.
        error: the error, as text.
    """

    number: int
    plan: RequestPlan
    how: Literal["ok", "failed", "cancelled", "closed", "error"]
    ran: int = 0
    failures: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    error: str = ""


@dataclass
class Phase:
    """A time between two looks at what is stored.

    Attributes:
        before: keys that were stored at the beginning.
        after: what is stored at the end, by key.
        entries: the history.
        outcomes: the outcomes of the requests.
        left_over: everything that the engine still kept when all had ended.
    """

    before: frozenset[str]
    after: dict[str, str] = field(default_factory=dict)
    entries: Sequence[HistoryEntry] = ()
    outcomes: list[Outcome] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)


@dataclass
class Trial:
    """A scenario that was played.

    Attributes:
        storm: the phase with faults.
        calm: the phases without, one for each request.
        crash: the error that ended it, if any.
        happened: the faults that did happen.
    """

    scenario: Scenario
    storm: Phase
    calm: list[Phase] = field(default_factory=list)
    crash: str = ""
    happened: list[SimulatedFault] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def play(scenario: Scenario) -> Trial:
    """Play a scenario."""
    return _Player(scenario).play()


class _Player:
    def __init__(self, scenario: Scenario):
        self._scenario = scenario
        self._tasks = build(scenario.tasks)
        self._ids = {task.task_id: name for name, task in self._tasks.items()}
        self._names = Names(self._ids)
        self._keys = {key: output_of(self._tasks, key).key for plan in scenario.tasks for key in plan.outputs}
        self._storage: SimulatedStorage = QuickStorage() if scenario.quick else SimulatedStorage()
        values = values_of(scenario)
        for key in scenario.stored:
            self._storage.write(self._keys[key], values[key].encode())

    def play(self) -> Trial:
        scenario = self._scenario
        faults = RandomFaults(scenario.seed, scenario.rates, scenario.faults)
        trial = Trial(scenario, Phase(frozenset()))
        trial.storm = self._phase(trial, faults, scenario.requests, scenario.close_at)
        trial.happened = faults.happened
        doomed = [fault for fault in scenario.faults if fault.nth is None]
        for request in scenario.requests:
            if not trial.crash:
                calm = RequestPlan(keys=request.keys, tasks=request.tasks, on_error=request.on_error)
                trial.calm.append(self._phase(trial, Faults(doomed), [calm], None))
        return trial

    def _phase(self, trial: Trial, faults: Faults, requests: Sequence[RequestPlan], close_at: float | None) -> Phase:
        phase = Phase(frozenset(self._stored()))
        simulation = Simulation(
            faults,
            storage=self._storage,
            names=self._names,
            workers=self._scenario.workers,
            limits=self._scenario.limits,
            timeout=self._scenario.timeout,
            tick=self._scenario.tick,
            scheduling=self._scenario.scheduling,
            check=lambda state: validate(state),
        )

        async def scene(engine: SimulatedEngine) -> None:
            if self._scenario.watched:
                engine.broadcast.listen(lambda event: simulation.history.message("emits", event))
            waiting = [
                asyncio.ensure_future(self._ask(engine, simulation, phase, number, request))
                for number, request in enumerate(requests, 1)
            ]
            over, _ = await asyncio.wait(waiting, timeout=close_at)
            for asked in over:
                asked.result()
            if len(over) == len(waiting):
                await asyncio.sleep(ALL_ENDS)
                phase.left_over = left_over(engine, simulation.history.names)

        try:
            simulation.play(scene)
        except (Standstill, Endless, InvariantBroken, Unhandled) as error:
            trial.crash = f"{type(error).__name__}: {error}"
        except Exception as error:  # the engine ought not to raise any
            trial.crash = f"the engine failed: {error!r}"
        phase.entries = simulation.history.entries
        trial.lines += [str(entry) for entry in phase.entries]
        phase.after = self._stored()
        return phase

    async def _ask(self, engine: Engine, simulation: Simulation, phase: Phase, number: int, plan: RequestPlan) -> None:
        await asyncio.sleep(plan.at)
        history = simulation.history
        caller = asyncio.current_task()
        timer = None
        if plan.cancel_at is not None and caller is not None:
            timer = asyncio.get_running_loop().call_later(plan.cancel_at - plan.at, caller.cancel)
        history.add("asks", "request", number)
        try:
            outcome = await self._outcome(engine, number, plan)
        finally:
            if timer is not None:
                timer.cancel()
        history.add("answered", "request", number, outcome.how)
        phase.outcomes.append(outcome)

    async def _outcome(self, engine: Engine, number: int, plan: RequestPlan) -> Outcome:
        targets = [output_of(self._tasks, key) for key in plan.keys], [self._tasks[name] for name in plan.tasks]
        try:
            force = [self._tasks[name] for name in plan.force]
            result = await engine.run(targets, on_error=plan.on_error, force=force)
        except RunFailed as failed:
            return Outcome(number, plan, "failed", failures=self._failed(failed.exceptions))
        except EngineClosed as closed:
            how: Literal["closed", "error"] = "closed" if closed.__cause__ is None else "error"
            return Outcome(number, plan, how, error=str(closed))
        except asyncio.CancelledError:
            return Outcome(number, plan, "cancelled")
        except Exception as error:  # any is judged
            return Outcome(number, plan, "error", error=repr(error))
        return Outcome(
            number,
            plan,
            "ok" if result.ok else "failed",
            ran=result.ran,
            failures=self._failed(result.failures),
            skipped=tuple(self._names(task_id) for task_id in result.skipped_tasks),
            lacking=tuple(sorted(targets_of(self._scenario, plan) - self._stored().keys())),
        )

    def _failed(self, errors: Sequence[Any]) -> tuple[str, ...]:
        return tuple(self._names(error.task_id) for error in errors if isinstance(error, TaskError))

    def _stored(self) -> dict[str, str]:
        return {self._names(key): self._storage.read(key).decode() for key in sorted(self._storage.list())}


def left_over(engine: SimulatedEngine, name: Names) -> list[str]:
    """Return what the engine still keeps although everything has ended."""
    driver, scheduler = engine._opened(), engine.scheduler
    state = scheduler.state if scheduler is not None else None
    kept: dict[str, Iterable[object]] = {
        "task in the scheduler": state.nodes if state is not None else (),
        "key in the scheduler": state.keys if state is not None else (),
        "run in the scheduler": state.runs if state is not None else (),
        "task in the catalog": driver.catalog.tasks,
        "producer in the catalog": driver.catalog.producers,
        "task to be forced": driver.inspector.forced,
        "speculative job": engine.process.speculative,
    }
    return [f"{what}: {name(one)}" for what, several in kept.items() for one in sorted(map(str, several))]


def settled(trial: Trial) -> Scenario:
    """Return the same scenario with the faults that happened in place of random ones."""
    scenario = trial.scenario
    always = [fault for fault in scenario.faults if fault.nth is None]
    once = [fault for fault in trial.happened if not any(_covers(other, fault) for other in always)]
    return structs.replace(scenario, faults=(*always, *once), rates={})


def _covers(always: SimulatedFault, fault: SimulatedFault) -> bool:
    return type(always) is type(fault) and always.befalls(fault.what, fault.nth or 0)


def targets_of(scenario: Scenario, plan: RequestPlan) -> set[str]:
    """Return the keys of a request, with those of its tasks."""
    return {*plan.keys, *(key for task in scenario.tasks if task.name in plan.tasks for key in task.outputs)}


def values_of(scenario: Scenario) -> Mapping[str, str]:
    """Return the right value of each key."""
    values: dict[str, str] = {}
    for plan in scenario.tasks:
        read = [values[key] for key in plan.inputs]
        values.update({key: value_of(key, read) for key in plan.outputs})
    return values
