"""Answers to ``Inspect``: which outputs exist, and what makes those that do not.

Existence is asked for many keys at once. Describing the tasks behind missing ones runs the users' ``input`` and
``output``, in slices, so that the event loop gets its turn in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from alexflow.errors import IncompatibleStorage, OutputConflict
from alexflow.graph.description import Defaults, Described, check_declares, describe, keys_of
from alexflow.model import AbstractTask, Output
from alexflow.scheduler.events import Event, Inspected, InspectionFailed
from alexflow.scheduler.spec import TaskSpec
from alexflow.storage import Storage

#: Tasks described between two turns of the event loop: some 2 ms.
SLICE = 128


class Catalog:
    """The users' objects behind the names that the scheduler knows.

    Attributes:
        tasks: wanted tasks that are not done, described.
        outputs: outputs that the scheduler will ask about, by key, until it has.
        asked: tasks that were asked for, until they are described.
        makers: for keys that do not begin with the id of the task that makes them, that id. No two tasks can claim
            one of the other keys, so this is seldom anything. Kept until no run is under way.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, Described] = {}
        self.outputs: dict[str, Output[Any]] = {}
        self.asked: dict[str, AbstractTask] = {}
        self.makers: dict[str, str] = {}

    def ask_for_output(self, output: Output[Any]) -> Sequence[str]:
        """Remember an output by its keys; gives those.

        Raises:
            OutputConflict: somebody asked for such a key of another task.
        """
        keys = keys_of(output)
        for key in keys:
            self.see_maker(key, output)
            self.outputs[key] = output
        return keys

    def see_maker(self, key: str, output: Output[Any]) -> None:
        """See that nobody wants this key of another task.

        Raises:
            OutputConflict: somebody does.
        """
        task_id = output.src_task_id
        if not key.startswith(task_id):
            maker = self.makers.setdefault(key, task_id)
            if maker != task_id:
                raise OutputConflict(key, (maker, task_id))

    def ask_for_task(self, task: AbstractTask) -> str:
        """Remember a task by its id; gives that."""
        task_id = task.task_id
        self.asked[task_id] = task
        return task_id


class Inspector:
    """Looks at outputs and tasks for the scheduler.

    Args:
        catalog: where the users' objects are.
        storage: where outputs are.
        defaults: for tasks whose class does not say otherwise.
    """

    def __init__(self, catalog: Catalog, storage: Storage, defaults: Defaults):
        self._catalog = catalog
        self._storage = storage
        self._defaults = defaults
        #: Ids of tasks whose outputs count as missing until they have run again.
        self.forced: set[str] = set()

    def look_now(self, keys: Sequence[str], tasks: Sequence[str]) -> list[Event]:
        """Answer at once, for few keys and a storage that answers at once."""
        events: list[Event] = []
        wanted = self._tasks_asked_for(tasks, events)
        try:
            present = self._storage.exists_many(self._keys_to_check(keys, wanted))
        except Exception as error:  # as in look
            return [*events, InspectionFailed(tuple(keys), tuple(wanted), error)]
        events += self._slices(keys, wanted, present)
        return events

    async def look(self, keys: Sequence[str], tasks: Sequence[str], turn: Callable[[Event], Any]) -> None:
        """Answer in parts, ``await turn(event)`` for each."""
        failures: list[Event] = []
        wanted = self._tasks_asked_for(tasks, failures)
        for failure in failures:
            await turn(failure)
        try:
            present = await self._storage.aexists_many(self._keys_to_check(keys, wanted))
        except Exception as error:  # the storage's, whatever it is: it belongs to those who asked
            await turn(InspectionFailed(tuple(keys), tuple(wanted), error))
            return
        for event in self._slices(keys, wanted, present):
            await turn(event)

    def _tasks_asked_for(self, task_ids: Sequence[str], failures: list[Event]) -> dict[str, Described]:
        wanted: dict[str, Described] = {}
        for task_id in task_ids:
            try:
                wanted[task_id] = self._describe(self._catalog.asked.pop(task_id))
            except Exception as error:  # the user's, or a DefinitionError: it belongs to those who asked
                failures.append(InspectionFailed((), (task_id,), error))
        return wanted

    def _keys_to_check(self, keys: Sequence[str], wanted: dict[str, Described]) -> Sequence[str]:
        if not wanted:
            return keys
        return [*keys, *(key for described in wanted.values() for key in described.spec.outputs)]

    def _slices(self, keys: Sequence[str], wanted: dict[str, Described], present: set[str]) -> Iterator[Event]:
        yield from self._look_at_tasks(wanted, present)
        outputs = self._catalog.outputs
        found: list[str] = []
        behind: set[str] = set()
        missing: list[tuple[str, Output[Any]]] = []
        for key in keys:
            output = outputs.pop(key)
            if key in present and not (self.forced and output.src_task_id in self.forced):
                found.append(key)
                behind.add(output.src_task_id)
            else:
                missing.append((key, output))
        if found:
            yield Inspected(present=tuple(found), cached=len(behind))
        for start in range(0, len(missing), SLICE):
            yield from self._look_behind(missing[start : start + SLICE])

    def _look_at_tasks(self, wanted: dict[str, Described], present: set[str]) -> Iterator[Event]:
        complete: list[str] = []
        incomplete: list[str] = []
        specs: list[TaskSpec] = []
        for task_id, described in wanted.items():
            outputs = described.spec.outputs
            if outputs and present.issuperset(outputs) and task_id not in self.forced:
                complete.append(task_id)
                continue
            incomplete.append(task_id)
            specs.append(self._enter(described))
        for start in range(0, len(incomplete), SLICE):
            part = slice(start, start + SLICE)
            yield Inspected(incomplete=tuple(incomplete[part]), specs=tuple(specs[part]))
        if complete:
            yield Inspected(complete=tuple(complete), cached=len(complete))

    def _look_behind(self, missing: list[tuple[str, Output[Any]]]) -> Iterator[Event]:
        answers: list[tuple[str, str]] = []
        specs: dict[str, TaskSpec] = {}
        for key, output in missing:
            try:
                described = self._describe(output.src_task)
                check_declares(described, key)
            except Exception as error:  # the user's, or a DefinitionError: it belongs to those who asked
                yield InspectionFailed((key,), (), error)
                continue
            task_id = described.spec.task_id
            if task_id not in specs:
                specs[task_id] = self._enter(described)
            answers.append((key, task_id))
        if answers:
            yield Inspected(missing=tuple(answers), specs=tuple(specs.values()))

    def _describe(self, task: AbstractTask) -> Described:
        known = self._catalog.tasks.get(task.task_id)
        if known is not None:
            return known
        described = describe(task, self._defaults)
        for key, output in described.inputs.items():
            self._catalog.see_maker(key, output)
        if described.kind == "process" and self._storage.process_local:
            raise IncompatibleStorage(
                f"{described.spec.task_id} runs in a worker process, which cannot reach {self._storage!r}; "
                f"use a LocalStorage, or executor='thread' for the engine or the class"
            )
        return described

    def _enter(self, described: Described) -> TaskSpec:
        """From now on the scheduler may name the task, and ask about its inputs."""
        catalog = self._catalog
        catalog.tasks[described.spec.task_id] = described
        catalog.outputs.update(described.inputs)
        described.inputs = {}
        return described.spec

    def ask_again(self, task_id: str, keys: Sequence[str]) -> None:
        """The scheduler will ask about inputs of a running task once more."""
        described = self._catalog.tasks[task_id]
        inputs = describe(described.task, self._defaults).inputs
        for key in keys:
            if key in inputs:
                self._catalog.outputs[key] = inputs[key]
