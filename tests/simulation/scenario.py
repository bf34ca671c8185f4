"""Scenarios: a graph of tasks, requests in time, and faults. Plain data, drawn from a seed.

The tasks are ordinary ones, of classes defined here. Each stores a digest of its own name and of its inputs' values, so
that a value shows whether everything upstream was computed right.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any, Literal

from msgspec import Struct

from alexflow.model import AbstractTask, DynamicTask, Output, Retry, Task
from alexflow.scheduler import TaskSpec
from alexflow.testing.attempts import ATTEMPTS
from alexflow.testing.faults import USUAL_RATES, AnyFault, RaisedError

Kind = Literal["plain", "async", "dynamic", "plain dynamic"]


class TaskPlan(Struct, frozen=True, omit_defaults=True):
    """One task.

    Attributes:
        inputs: keys.
        ephemeral: those of ``inputs`` that may be removed afterwards.
        parts: names of its outputs; ``t1.a`` is the key of part ``a`` of task ``t1``.
        gives: tasks that it generates, if it is dynamic.
    """

    name: str
    kind: Kind = "plain"
    inputs: tuple[str, ...] = ()
    ephemeral: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    retries: int = 0

    @property
    def is_dynamic(self) -> bool:
        """Whether it generates tasks."""
        return "dynamic" in self.kind

    @property
    def outputs(self) -> tuple[str, ...]:
        """Its keys."""
        return tuple(f"{self.name}.{part}" for part in self.parts)

    @property
    def spec(self) -> TaskSpec:
        """The task as the scheduler sees it, by its short name."""
        ephemeral = frozenset(self.ephemeral)
        return TaskSpec(self.name, self.inputs, ephemeral, self.outputs, self.tags, self.is_dynamic, self.retries)


class RequestPlan(Struct, frozen=True, omit_defaults=True):
    """A request for outputs and tasks; its caller leaves at ``cancel_at``, if it still waits."""

    at: float = 0.0
    keys: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    on_error: Literal["stop", "continue"] = "stop"
    cancel_at: float | None = None
    force: tuple[str, ...] = ()


class Scenario(Struct, frozen=True, omit_defaults=True):
    """A graph, requests and faults.

    Attributes:
        seed: the seed of random faults.
        stored: keys that exist at the beginning.
        limits: how many tasks with a tag may run at once.
        quick: whether the storage answers at once.
        faults: the faults that happen in any case.
        rates: the probability of random faults, by kind.
        close_at: the time at which the engine is closed, if a caller still waits then.
        timeout: seconds that an attempt may take.
        tick: seconds that pass each time the clock is read.
        scheduling: further arguments of the scheduler.
        watched: whether the engine's events have a listener.
    """

    seed: int
    tasks: tuple[TaskPlan, ...]
    requests: tuple[RequestPlan, ...]
    stored: tuple[str, ...] = ()
    limits: dict[str, int] = {}
    workers: int = 2
    quick: bool = True
    faults: tuple[AnyFault, ...] = ()
    rates: dict[str, float] = {}
    close_at: float | None = None
    timeout: float | None = None
    tick: float = 0.0
    scheduling: dict[str, int] = {}
    watched: bool = False

    @property
    def doomed(self) -> set[str]:
        """Tasks that raise in each attempt."""
        return {fault.what for fault in self.faults if isinstance(fault, RaisedError) and fault.nth is None}


# -- the tasks


@dataclass(frozen=True, eq=False, repr=False)
class Text(Output[str]):
    """A string."""

    def encode(self, value: str) -> bytes:
        return value.encode()

    def decode(self, data: bytes) -> str:
        return data.decode()


def value_of(key: str, values: Sequence[str]) -> str:
    """Return the value that a task stores under a key after it has read these."""
    return f"{key}:{blake2b('|'.join(values).encode(), digest_size=6).hexdigest()}"


@dataclass(frozen=True)
class _Planned(AbstractTask):
    name: str
    inputs: tuple[Text, ...] = ()
    parts: tuple[str, ...] = ()
    labels: tuple[str, ...] = field(default=(), compare=False)
    tries_left: int = field(default=0, compare=False, kw_only=True)

    @property
    def tags(self) -> set[str]:
        return set(self.labels)

    @property
    def retry(self) -> Retry:  # type: ignore[override]  # for each task its own
        return Retry(self.tries_left)

    def input(self) -> list[Text]:
        return list(self.inputs)

    def output(self) -> dict[str, Text]:
        return {part: self.build_output(Text, part) for part in self.parts}


@dataclass(frozen=True)
class Plain(_Planned, Task):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Runs in a worker."""

    def run(self, input: list[Text], output: dict[str, Text]) -> None:
        values = [source.load() for source in input]
        for part, place in output.items():
            place.store(value_of(f"{self.name}.{part}", values))


@dataclass(frozen=True)
class Async(_Planned, Task):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Runs on the event loop."""

    async def run(self, input: list[Text], output: dict[str, Text]) -> None:
        values = [await source.aload() for source in input]
        for part, place in output.items():
            await place.astore(value_of(f"{self.name}.{part}", values))
            await asyncio.sleep(0.1)


@dataclass(frozen=True)
class _Giving(_Planned):
    gives: tuple[AbstractTask, ...] = ()

    def begin(self, output: dict[str, Text], values: Sequence[str]) -> None:
        attempts = ATTEMPTS.get()
        nth = attempts.begin(self.task_id)
        how = "error"
        try:
            attempts.raise_if_told(self.task_id, nth)
            for part, place in output.items():
                place.store(value_of(f"{self.name}.{part}", values))
            how = "gives"
        finally:
            attempts.end(self.task_id, how)


@dataclass(frozen=True)
class Giving(_Giving, DynamicTask):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Generates tasks one after the other, on the event loop."""

    async def generate(self, input: list[Text], output: dict[str, Text]) -> AsyncIterator[AbstractTask]:
        self.begin(output, [await source.aload() for source in input])
        for task in self.gives:
            yield task
            await asyncio.sleep(0.5)


@dataclass(frozen=True)
class PlainGiving(_Giving, DynamicTask):  # pyright: ignore[reportIncompatibleVariableOverride]
    """Generates tasks in a plain generator."""

    def generate(self, input: list[Text], output: dict[str, Text]) -> Iterator[AbstractTask]:
        self.begin(output, [source.load() for source in input])
        yield from self.gives


def build(plans: Sequence[TaskPlan]) -> dict[str, Any]:
    """Return the tasks, by name."""
    tasks: dict[str, Any] = {}
    classes: Mapping[Kind, type[Any]] = {
        "plain": Plain, "async": Async, "dynamic": Giving, "plain dynamic": PlainGiving
    }  # fmt: skip
    for plan in plans:
        inputs = tuple(
            output.as_ephemeral() if key in plan.ephemeral else output
            for key, output in ((key, output_of(tasks, key)) for key in plan.inputs)
        )
        options: dict[str, Any] = {"gives": tuple(tasks[name] for name in plan.gives)} if plan.is_dynamic else {}
        cls = classes[plan.kind]
        tasks[plan.name] = cls(plan.name, inputs, plan.parts, plan.tags, tries_left=plan.retries, **options)
    return tasks


def output_of(tasks: Mapping[str, Any], key: str) -> Text:
    """Return the output with a short key."""
    name, _, part = key.partition(".")
    output: Text = tasks[name].output()[part]
    return output


# -- at random


def random_scenario(seed: int) -> Scenario:
    """Return the scenario of a seed, the same one in every process."""
    random = Random(f"scenario {seed}")
    dynamic = random.random() < 0.4
    # an ephemeral output of a dynamic task's child is made again whenever the child is generated again
    ephemeral = not dynamic or random.random() < 0.2
    plans: list[TaskPlan] = []
    for number in range(random.choice([2, 4, 8, 12, 20])):
        plans.append(_random_task(f"t{number}", plans, random, dynamic=dynamic, ephemeral=ephemeral))
    keys = [key for plan in plans for key in plan.outputs]
    calm = random.random() < 0.3
    faults = [RaisedError(plan.name, None) for plan in plans if random.random() < random.choice([0.0, 0.0, 0.2])]
    rough = {kind: rate * random.choice([0.0, 1.0, 2.0]) for kind, rate in USUAL_RATES.items()}
    gentle = {"SlowTask": 0.7, "DelayedReply": 0.2, "SlowAnswer": 0.5}
    return Scenario(
        seed=seed,
        tasks=tuple(plans),
        requests=tuple(_random_request(plans, random, patient=calm) for _ in range(random.choice([1, 1, 2, 3, 6]))),
        stored=_some(keys, 3, random),
        limits={"gpu": 1, "net": 2},
        workers=random.choice([1, 2, 5]),
        quick=random.random() < 0.5,
        faults=tuple(faults),
        rates=gentle if calm else {**rough, "DeafTask": 0.3},
        close_at=random.choice([2.5, 7.0]) if not calm and random.random() < 0.15 else None,
        timeout=5.0 if not calm and random.random() < 0.2 else None,
        tick=random.choice([0.0, 0.0, 0.0005, 0.003]),
        scheduling=random.choice([{}, {"window": 1}, {"window": 3, "steps_per_turn": 2}]),
        watched=random.random() < 0.5,
    )


def _random_task(name: str, before: Sequence[TaskPlan], random: Random, *, dynamic: bool, ephemeral: bool) -> TaskPlan:
    keys = [key for plan in before for key in plan.outputs]
    inputs = _some(keys, 3, random)
    is_dynamic = dynamic and random.random() < 0.3
    # without outputs it would be done again whenever a dynamic task generates it
    parts = tuple("abc"[: random.choice([1, 1, 1, 2] if dynamic else [0, 1, 1, 1, 1, 2, 3])])
    kind: Kind = random.choice(["dynamic", "plain dynamic"]) if is_dynamic else random.choice(["plain", "async"])
    return TaskPlan(
        name,
        kind,
        inputs,
        _some(inputs, 2, random) if ephemeral else (),
        parts,
        _some([plan.name for plan in before], 4, random) if is_dynamic else (),
        () if is_dynamic else _some(["gpu", "net"], 2, random),
        random.choice([0, 1, 3]),
    )


def _random_request(plans: Sequence[TaskPlan], random: Random, *, patient: bool) -> RequestPlan:
    names = [plan.name for plan in plans]
    targets = _some([key for plan in plans for key in plan.outputs], 2, random)
    twice = targets[:1] if random.random() < 0.2 else ()
    at = random.choice([0.0, 0.0, 0.5, 2.0, 5.0])
    leaves = not patient and random.random() < 0.25
    tasks = (*_some(names[-4:], 2, random), names[-1])
    return RequestPlan(
        at,
        (*targets, *twice),
        tasks,
        random.choice(["stop", "continue"]),
        at + random.choice([0.0, 0.5, 1.0, 3.0]) if leaves else None,
        (random.choice(_behind(tasks, plans)),) if not patient and random.random() < 0.1 else (),
    )


def _behind(names: Sequence[str], plans: Sequence[TaskPlan]) -> list[str]:
    """Return these tasks and the producers of their inputs, direct or not."""
    found = set(names)
    for plan in reversed(plans):
        if plan.name in found:
            found.update(key.partition(".")[0] for key in plan.inputs)
    return [plan.name for plan in plans if plan.name in found]


def _some(names: Sequence[str], at_most: int, random: Random) -> tuple[str, ...]:
    return tuple(random.sample(list(names), min(len(names), random.randint(0, at_most))))
