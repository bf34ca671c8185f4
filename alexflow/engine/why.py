"""``Engine.why``: what a task waits for: an input, a limit, a place, a delay, another engine; and what holds that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, NamedTuple

from alexflow.executors.interface import Executor, Job
from alexflow.executors.lacks import MOST_HOLDERS, Lack
from alexflow.graph import Described
from alexflow.scheduler import Scheduler, states
from alexflow.scheduler.state import PRESENT, Node, State
from alexflow.storage.leases import Holder, Leases

#: Tasks that are looked at for that: a part of a millisecond for each thousand.
MOST_SEEN = 20_000

#: Missing inputs that are named.
MOST_INPUTS = 20

#: What a task can wait for.
ObstacleKind = Literal[
    "graph", "input", "limit", "rate", "place", "core", "memory", "device", "delay", "engine", "children"
]


class Obstacle(NamedTuple):
    """One thing that a task waits for.

    Attributes:
        kind: ``input``: an output is missing; ``limit``, ``rate``: that of a tag; ``place``: in its executor;
            ``core``, ``memory``, ``device``: so much of what the machine has; ``delay``: before its next attempt;
            ``engine``: another one on the storage holds its lease; ``children``: of a dynamic task; ``graph``: what is
            behind it is still being looked at.
        name: the output, tag, executor or kind of device; of an engine ``pid@host``, or "" while that is not known.
        holders: ids of tasks that make or hold it, the first of them.
        text: all of it, for people.
    """

    kind: ObstacleKind
    name: str
    holders: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Why:
    """The answer to what a task waits for.

    Attributes:
        task_id: the task.
        state: ``waiting``, ``ready``, ``queued``, ``running``, ``delayed``, ``elsewhere`` and so on, as the scheduler
            has it; ``unknown`` if the engine has no such task: it is done, or was not asked for.
        obstacles: what it waits for; empty if it runs, or is unknown.
    """

    task_id: str
    state: str
    obstacles: tuple[Obstacle, ...] = ()

    def __str__(self) -> str:
        if self.state == "unknown":
            return f"{self.task_id} is not under way here: it is done, or was not asked for"
        if not self.obstacles:
            return f"{self.task_id} is {self.state} and waits for nothing"
        return "\n  ".join([f"{self.task_id} waits for", *(each.text for each in self.obstacles)])


def why(
    scheduler: Scheduler,
    task_id: str,
    seconds_left: Callable[[str], float | None],
    tasks: Mapping[str, Described],
    executors: Mapping[str, Executor],
    leases: Leases | None,
) -> Why:
    """Return what a task waits for.

    Args:
        scheduler: knows it.
        task_id: its id.
        seconds_left: gives the rest of the delay before a task's next attempt.
        tasks: descriptions of the tasks that are not over.
        executors: by their names.
        leases: those of this engine; None for none.
    """
    state = scheduler.state
    node = state.nodes.get(task_id)
    if node is None:
        return Why(task_id, "unknown")
    finders: dict[str, Callable[[], Iterator[Obstacle]]] = {
        states.WAITING: lambda: _unmet_inputs(state, node),
        states.READY: lambda: limits_of(state, node),
        states.QUEUED: lambda: _place(state, node, _lacks(tasks.get(task_id), executors.get(node.spec.executor))),
        states.DELAYED: lambda: _delay(node, seconds_left(task_id)),
        states.ELSEWHERE: lambda: _engine(node, leases),
        states.GENERATING: lambda: _children(node),
    }
    find = finders.get(node.state)
    return Why(task_id, node.state, () if find is None else tuple(find()))


def _unmet_inputs(state: State, node: Node) -> Iterator[Obstacle]:
    read = ((name, state.keys.get(name)) for name in dict.fromkeys(node.spec.inputs))
    missing = ((name, key) for name, key in read if key is not None and key.state != PRESENT)
    for name, key in islice(missing, MOST_INPUTS):
        producer = key.producer
        doing = "it is being looked for" if producer is None else f"{producer.spec.task_id} is {producer.state}"
        holders = () if producer is None else (producer.spec.task_id,)
        yield Obstacle("input", name, holders, f"the input {name}: {doing}")
    if next(missing, None) is not None:
        yield Obstacle("input", "", (), "further inputs, which are missing, too")
    if node.group is not None:
        yield Obstacle("graph", "", (), "its graph: a part of it is still being looked at")


def limits_of(state: State, node: Node, most_seen: int = MOST_SEEN) -> Iterator[Obstacle]:
    """Yield the limits and rates for which a task waits; so many tasks are looked at for what holds them."""
    slots = state.slots
    for limited in dict.fromkeys(node.spec.tags):
        limit: Any = slots.limits.get(limited)
        if limited in slots.buckets.rates:
            yield Obstacle("rate", limited, (), f"the rate of {limited!r}: so many have started lately")
        if limit is None or slots.taken(limited) < limit:
            continue
        # in the first nodes: an engine is asked while it runs, and those that run are seldom behind many others
        seen = islice(state.nodes.values(), most_seen)
        having = (
            each for each in seen if (each.is_active or each.state == states.QUEUED) and limited in each.spec.tags
        )
        holders = tuple(each.spec.task_id for each in islice(having, min(MOST_HOLDERS, slots.taken(limited))))
        text = f"the limit of {limited!r}: {slots.taken(limited)} of {limit} are taken{_by(holders)}"
        yield Obstacle("limit", limited, holders, text)


def _lacks(described: Described | None, executor: Executor | None) -> list[Lack]:
    if described is None or executor is None:
        return []
    return list(executor.lacks(Job(described.spec.task_id, described.task, needs=described.needs)))


def _place(state: State, node: Node, lacks: list[Lack]) -> Iterator[Obstacle]:
    for lack in lacks:
        if lack.kind != "place":
            holders = lack.holders[:MOST_HOLDERS]
            yield Obstacle(lack.kind, lack.name, holders, f"{lack}{_by(holders)}")
    if lacks and lacks[-1].kind != "place":
        return
    executor = node.spec.executor
    begun = islice((each for each in state.nodes.values() if each.state == states.RUNNING), state.begun)
    running = [each for each in begun if each.spec.executor == executor]
    before = len(state.queue[executor])
    holders = tuple(each.spec.task_id for each in running[:MOST_HOLDERS])
    text = f"a place in the executor {executor!r}: {len(running):,} running there, {before:,} queued{_by(holders)}"
    yield Obstacle("place", executor, holders, text)


def _delay(node: Node, left: float | None) -> Iterator[Obstacle]:
    rest = "" if left is None else f", {max(0.0, left):.1f} s more"
    yield Obstacle("delay", "", (), f"the delay before attempt {node.attempts + 1}{rest}")


def _engine(node: Node, leases: Leases | None) -> Iterator[Obstacle]:
    found = [] if leases is None else leases.known_holders({node.spec.task_id: node.spec.outputs})
    for holder in found:
        yield Obstacle("engine", f"{holder.pid}@{holder.host}", (), f"the lease of another engine: {_named(holder)}")
    if not found:
        yield Obstacle("engine", "", (), "the lease of another engine on the storage")


def _named(holder: Holder) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.since))
    return f"process {holder.pid} on {holder.host}, at work since {since}"


def _children(node: Node) -> Iterator[Obstacle]:
    holders = tuple(islice(node.children, MOST_HOLDERS))
    if node.children:
        yield Obstacle("children", "", holders, f"{len(node.children):,} tasks that it has generated{_by(holders)}")


def _by(holders: tuple[str, ...]) -> str:
    return f": {', '.join(holders)}" if holders else ""
