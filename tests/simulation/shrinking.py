"""Shrinking a scenario that goes wrong, for as long as it goes wrong in the same way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import structs

from tests.simulation.judge import complaints
from tests.simulation.scenario import RequestPlan, Scenario, TaskPlan
from tests.simulation.trial import play, settled

#: Scenarios that are tried at most.
MOST_TRIES = 1000

_NAMES = re.compile(r"\bt\d+(\.\w+)?\b|\d+|[\[\],']")


def shrink(scenario: Scenario) -> Scenario:
    """Return a smaller scenario with a complaint of the same kind, or the same one if nothing is wrong with it."""
    trial = play(scenario)
    wanted = kinds(complaints(trial))
    tries = 0

    def still_wrong(candidate: Scenario) -> bool:
        nonlocal tries
        tries += 1
        return bool(kinds(complaints(play(candidate))) & wanted)

    without_chance = settled(trial)
    if not wanted or not still_wrong(without_chance):
        return scenario
    smallest, smaller = scenario, without_chance
    while smaller is not smallest:
        smallest = smaller
        for candidate in _smaller_ones(smallest):
            if tries >= MOST_TRIES:
                return smallest
            if still_wrong(candidate):
                smaller = candidate
                break
    return smallest


def kinds(complaints: Iterable[str]) -> set[str]:
    """Return complaints without names and numbers."""
    return {" ".join(_NAMES.sub("", complaint.partition(":")[0]).split()) for complaint in complaints}


def _smaller_ones(scenario: Scenario) -> Iterator[Scenario]:
    requests, faults = scenario.requests, scenario.faults
    if len(requests) > 1:
        for number in range(len(requests)):
            yield structs.replace(scenario, requests=requests[:number] + requests[number + 1 :])
    for task in reversed(scenario.tasks):
        smaller = _without(scenario, task.name)
        if smaller.tasks and smaller.requests:
            yield smaller
    for number in range(len(faults)):
        yield structs.replace(scenario, faults=faults[:number] + faults[number + 1 :])
    for key in scenario.stored:
        yield structs.replace(scenario, stored=_less(scenario.stored, key))
    if scenario.close_at is not None:
        yield structs.replace(scenario, close_at=None)
    if not scenario.quick:
        yield structs.replace(scenario, quick=True)
    for number, request in enumerate(requests):
        for plain in _plainer_requests(request):
            yield structs.replace(scenario, requests=(*requests[:number], plain, *requests[number + 1 :]))
    for number, task in enumerate(scenario.tasks):
        for simple in _plainer_tasks(task):
            yield structs.replace(scenario, tasks=(*scenario.tasks[:number], simple, *scenario.tasks[number + 1 :]))


def _plainer_requests(request: RequestPlan) -> Iterator[RequestPlan]:
    if request.force:
        yield structs.replace(request, force=())
    if request.cancel_at is not None:
        yield structs.replace(request, cancel_at=None)
    if len(request.keys) + len(request.tasks) > 1:
        for key in dict.fromkeys(request.keys):
            yield structs.replace(request, keys=_less(request.keys, key))
        for name in dict.fromkeys(request.tasks):
            yield structs.replace(request, tasks=_less(request.tasks, name))


def _plainer_tasks(task: TaskPlan) -> Iterator[TaskPlan]:
    for key in task.inputs:
        yield structs.replace(task, inputs=_less(task.inputs, key), ephemeral=_less(task.ephemeral, key))
    for name in task.gives:
        yield structs.replace(task, gives=_less(task.gives, name))
    if task.tags:
        yield structs.replace(task, tags=())
    if task.ephemeral:
        yield structs.replace(task, ephemeral=())
    if task.retries:
        yield structs.replace(task, retries=0)


def _without(scenario: Scenario, name: str) -> Scenario:
    def others(keys: Iterable[str]) -> tuple[str, ...]:
        return tuple(key for key in keys if key.partition(".")[0] != name)

    tasks = tuple(
        structs.replace(task, inputs=others(task.inputs), ephemeral=others(task.ephemeral), gives=others(task.gives))
        for task in scenario.tasks
        if task.name != name
    )
    requests = (
        structs.replace(request, keys=others(request.keys), tasks=others(request.tasks), force=others(request.force))
        for request in scenario.requests
    )
    return structs.replace(
        scenario,
        tasks=tasks,
        requests=tuple(request for request in requests if request.keys or request.tasks),
        stored=others(scenario.stored),
        faults=tuple(fault for fault in scenario.faults if fault.what.partition(".")[0] != name),
    )


def _less(names: Iterable[str], one: str) -> tuple[str, ...]:
    return tuple(name for name in names if name != one)
