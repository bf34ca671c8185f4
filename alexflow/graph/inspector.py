"""Answers to ``Inspect``: the outputs that exist, and the tasks that produce the missing ones.

Existence is asked for many keys at once. Describing the tasks behind missing ones runs the users' ``input`` and
``output``, in slices, so that the event loop gets its turn in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from alexflow.errors import AlexflowError, CodeDiffers, DefinitionError, GraphError, IncompatibleStorage
from alexflow.graph.catalog import Catalog
from alexflow.graph.describe import Defaults, Described, ProducedKeys, describe, produced_keys, undeclared_output
from alexflow.graph.outdated import Outdated, has_max_age
from alexflow.hooks import SHORT_TEXT, exact_name, hook_error, hook_failed, is_a, passes, repr_of
from alexflow.model import AbstractTask, InOut, Output
from alexflow.model.options import AGED, code_is_checked
from alexflow.scheduler import TaskSpec
from alexflow.scheduler.events import Event, Inspected, InspectionFailed
from alexflow.storage import Storage
from alexflow.storage.background import in_thread

if TYPE_CHECKING:
    from alexflow.graph.code_check import CodeCheck

#: Tasks described between two turns of the event loop: some millisecond, with what the scheduler does about them.
SLICE = 32

#: Tasks or outputs that are divided by whether they exist, between two turns: it is little work.
DIVIDED_AT_ONCE = 256


class Subjects(Struct, frozen=True, eq=False):
    """The users' objects behind the names in one event, or in the question that it led to.

    They travel beside the event until it is handled; only then it shows which of them the scheduler wants.

    Attributes:
        outputs: by key: what may be asked about.
        tasks: by id: what may be asked about.
        described: by id: what stands behind the specs.
        question: the number of the question.
        given: what ``output()`` of tasks gave, by the identity of the task; gets what others give. None if not needed.
        stored: keys that tasks have published, as they have just reported; those of each task by themselves.
    """

    outputs: Mapping[str, Output[Any]]
    tasks: Mapping[str, AbstractTask]
    described: Mapping[str, Described]
    question: int = 0
    given: dict[int, InOut] | None = None
    stored: Sequence[Collection[str]] = ()

    def asked(self, keys: Sequence[str], tasks: Sequence[str], question: int) -> Subjects:
        """The subset that the scheduler asks about."""
        outputs = {key: self.outputs[key] for key in keys}
        return Subjects(outputs, {task_id: self.tasks[task_id] for task_id in tasks}, {}, question, self.given)


NO_SUBJECTS = Subjects({}, {}, {})

Answer = tuple[Event, Subjects]


class Inspector:
    """Looks at outputs and tasks for the scheduler.

    Args:
        catalog: where the users' objects are.
        storage: where outputs are.
        defaults: for tasks whose class does not say otherwise.
        checks_writing: whether the storage is asked if it can be written, once something has to run.
    """

    def __init__(self, catalog: Catalog, storage: Storage, defaults: Defaults, *, checks_writing: bool = True):
        self._catalog = catalog
        self._storage = storage
        self._defaults = defaults
        self._code: CodeCheck | None = None
        self._refused: dict[str, CodeDiffers] = {}  # results of other code, by key or the id of their task
        #: Ids of tasks whose outputs count as missing until they have run again.
        self.forced: set[str] = set()
        self.outdated = Outdated(storage, self.forced)
        self._writable = not checks_writing  # else not checked yet
        #: Ids of tasks that run this engine, and would wait for themselves.
        self.around: frozenset[str] = frozenset()

    def look_now(self, question: Subjects, begin: Callable[[], bool] | None = None) -> list[Answer] | None:
        """Answer at once, for few keys and a storage that answers at once.

        Args:
            question: the outputs and tasks to look at.
            begin: called if something has to be made; gives whether it may be now. If not, there is no answer.
        """
        if code_is_checked() or self.outdated:  # more is read for that
            return None
        if AGED and (has_max_age(question.outputs.values()) or has_max_age(question.tasks.values())):
            return None
        answers: list[Answer] = []
        makes = self._produced_keys(question.tasks.items(), answers, question)
        try:
            keys = [*question.outputs, *_keys_to_check(makes)]
            present = self._storage.exists_many(keys)
            if begin is not None and (self.forced or not present.issuperset(keys) or not keys):
                if not begin():
                    return None
                present = self._storage.exists_many(keys)  # what another engine has made before it saw this one
            if self._wants_writing(keys, present):
                self._storage.check_writable()
                self._writable = True
        except BaseException as error:  # as in look
            fault = self.of_storage(error)
            return [*answers, _failed(tuple(question.outputs), tuple(makes), fault, question.question)]
        answers += self._slices(question, makes, present, looks_on=True)
        return answers

    def cannot_look(self, question: Subjects, error: Exception) -> Answer:
        """The answer where the storage does not give one."""
        return _failed(tuple(question.outputs), tuple(question.tasks), error, question.question)

    async def look(
        self,
        questions: list[Subjects],
        pause: Callable[[], Awaitable[None]],
        turn: Callable[[Event, Subjects], Awaitable[None]],
    ) -> None:
        """Answer questions in parts, ``await turn(event, subjects)`` for each; the storage is asked once.

        Between two parts of other work it is ``await pause()``. Questions are taken from the list, and each is let go
        of once it is answered: what 100,000 tasks produce would be freed in 25 ms at the end.
        """
        failures: list[Answer] = []
        keys: list[str] = []
        asked: deque[tuple[Subjects, dict[str, ProducedKeys]]] = deque()
        questions.reverse()
        while questions:
            asked.append((questions[-1], await self._produced_in_turns(questions.pop(), failures, keys, pause)))
        for event, subjects in failures:
            await turn(event, subjects)
        try:
            present = await self._storage.aexists_many(keys)
            for question, makes in asked:
                await self._look_for_outdated(question, makes, present)
            if self._wants_writing(keys, present):
                await self._storage.acheck_writable()
                self._writable = True
            if code_is_checked():
                for question, makes in asked:
                    await self._check_code(question, makes, present)
        except BaseException as error:  # any error of the storage: the request fails with it
            if passes(error):
                raise
            fault = self.of_storage(error)
            for question, makes in asked:
                await turn(*_failed(tuple(question.outputs), tuple(makes), fault, question.question))
            return
        while asked:
            question, makes = asked.popleft()
            for event, subjects in self._slices(question, makes, present):
                await turn(event, subjects)

    async def _produced_in_turns(
        self, question: Subjects, failures: list[Answer], keys: list[str], pause: Callable[[], Awaitable[None]]
    ) -> dict[str, ProducedKeys]:
        """The keys that tasks produce, by their ids; ``keys`` gets what is to be looked for."""
        makes: dict[str, ProducedKeys] = {}
        keys += question.outputs
        await pause()
        tasks = iter(question.tasks.items())
        while some := tuple(islice(tasks, SLICE)):
            made = self._produced_keys(some, failures, question)
            keys += _keys_to_check(made)
            makes |= made
            await pause()
        return makes

    async def _look_for_outdated(
        self, question: Subjects, makes: Mapping[str, ProducedKeys], present: set[str]
    ) -> None:
        """Find out which of the outputs that exist are too old."""
        if self.outdated:
            await self.outdated.settle(present)
        if AGED:
            made = {task_id: (question.tasks[task_id], keys) for task_id, (keys, _, _) in makes.items()}
            await self.outdated.find(question.outputs, made, present)

    async def _check_code(self, question: Subjects, makes: Mapping[str, ProducedKeys], present: set[str]) -> None:
        """Find the results among those that exist that must not be used, because they were made with other code."""
        from alexflow.graph.code_check import CodeCheck, tasks_behind  # deferred: needed only where a class asks for it

        if self._code is None:
            self._code = CodeCheck(self._storage)
        found = tasks_behind((key, output) for key, output in question.outputs.items() if key in present)
        for task_id, (keys, _, _) in makes.items():
            if keys and present.issuperset(keys):
                found[task_id] = question.tasks[task_id], keys
        self._refused |= await in_thread(partial(self._code.faults, found))

    def of_storage(self, error: BaseException) -> Exception:
        """The error for an exception of the storage; one that is no Exception would end more than the request."""
        if is_a(error, Exception) and not is_a(error, (StopIteration, StopAsyncIteration)):
            return cast(Exception, error)
        return hook_error(self._storage, "exists_many()", error)

    def _wants_writing(self, keys: Sequence[str], present: set[str]) -> bool:
        """Whether something will have to be published, and it is not yet known that it can be."""
        if self._writable or not keys:
            return False
        return bool(self.forced) or (len(present) < len(keys) and not present.issuperset(keys))

    def _produced_keys(
        self, tasks: Iterable[tuple[str, AbstractTask]], failures: list[Answer], question: Subjects
    ) -> dict[str, ProducedKeys]:
        """The keys that tasks produce, by their ids. Inputs are not asked for: an existing output needs none."""
        makes: dict[str, ProducedKeys] = {}
        given = question.given
        for task_id, task in tasks:
            known = self._catalog.tasks.get(task_id)
            try:
                if known is None:
                    before = given.get(id(task)) if given else None
                    makes[task_id] = made = produced_keys(task, task_id, before)
                    if given is not None and before is None:
                        given[id(task)] = made[2]
                else:
                    makes[task_id] = known.spec.outputs, known.spec.serves, None
            except AlexflowError as error:  # the request fails with it
                failures.append(_failed((), (task_id,), error, question.question))
        return makes

    def _slices(
        self, question: Subjects, makes: Mapping[str, ProducedKeys], present: set[str], *, looks_on: bool = False
    ) -> Iterator[Answer]:
        number, tasks = question.question, iter(makes.items())
        while made := dict(islice(tasks, DIVIDED_AT_ONCE)):
            yield from self._look_at_tasks(question.tasks, made, present, number)
        outputs = iter(question.outputs.items())
        while asked := dict(islice(outputs, DIVIDED_AT_ONCE)):
            yield from self._look_at_outputs(asked, present, number, looks_on=looks_on)

    def _look_at_outputs(
        self, outputs: Mapping[str, Output[Any]], present: set[str], number: int, *, looks_on: bool
    ) -> Iterator[Answer]:
        found: list[str] = []
        behind: dict[str, None] = {}  # in their order: it is said in an event
        missing: list[tuple[str, Output[Any]]] = []
        for key, output in outputs.items():
            try:
                maker = output.src_task_id
                if type(maker) is not str:  # a call less for most
                    maker = exact_name(output, "src_task_id", maker)
            except BaseException as error:
                yield _failed((key,), (), hook_error(output, "src_task_id", error), number)
                continue
            if key in present and maker not in self.forced:
                if key in self._refused:
                    yield _failed((key,), (), self._refused[key], number)
                    continue
                found.append(key)
                behind[maker] = None
            else:
                missing.append((key, output))
        if found:
            yield Inspected(present=tuple(found), found=tuple(behind), question=number), NO_SUBJECTS
        for start in range(0, len(missing), SLICE):
            yield from self._look_behind(missing[start : start + SLICE], number, looks_on=looks_on)

    def _look_at_tasks(
        self, tasks: Mapping[str, AbstractTask], makes: Mapping[str, ProducedKeys], present: set[str], question: int
    ) -> Iterator[Answer]:
        complete: list[str] = []
        incomplete: list[str] = []
        for task_id, (keys, serves, _) in makes.items():
            if serves:
                keys = self._still_held(keys, serves, present)
            exists = (keys or serves) and present.issuperset(keys) and task_id not in self.forced
            if exists and task_id in self._refused:
                yield _failed((), (task_id,), self._refused[task_id], question)
                continue
            (complete if exists else incomplete).append(task_id)
        for start in range(0, len(incomplete), SLICE):
            part: dict[str, Described] = {}
            for task_id in incomplete[start : start + SLICE]:
                try:
                    part[task_id] = self._describe(tasks[task_id], makes[task_id], task_id)
                except AlexflowError as error:  # the request fails with it
                    yield _failed((), (task_id,), error, question)
            if part:
                yield _inspected(part, question, incomplete=tuple(part))
        for start in range(0, len(complete), SLICE):
            done = tuple(complete[start : start + SLICE])
            specs = tuple(TaskSpec(task_id, outputs=makes[task_id][0], serves=makes[task_id][1]) for task_id in done)
            event = Inspected(complete=done, specs=specs, found=done, question=question)
            again = {task_id: tasks[task_id] for task_id in done}  # they may be asked about again
            yield event, Subjects({}, again, {})

    def _still_held(
        self, keys: tuple[str, ...], serves: tuple[tuple[str, str], ...], present: set[str]
    ) -> tuple[str, ...]:
        """The keys that must exist, without those that are published where they belong by now."""
        published = {place for key, place in serves if key in present and not self.is_replaced(key)}
        return tuple(key for key in keys if key not in published)

    @property
    def forces(self) -> bool:
        """Whether there are tasks of which no output may be read until they have run again."""
        return len(self.forced) > len(self.outdated)

    def have_run(self, task_ids: Iterable[str]) -> None:
        """Note that tasks have run again."""
        task_ids = tuple(task_ids)
        self.outdated.forget(task_ids)
        self.forced.difference_update(task_ids)

    async def unforced(self, tasks: Mapping[str, Sequence[str]]) -> set[str]:
        """Select the tasks, given with their keys, whose outputs are right if they exist."""
        if self.outdated:
            await self.outdated.settle(key for keys in tasks.values() for key in keys)
        return tasks.keys() - self.forced

    def is_replaced(self, key: str) -> bool:
        """Whether a key that exists is to be made again by a task that is forced."""
        tasks = self._catalog.tasks
        return any(task_id in tasks and key in tasks[task_id].spec.outputs for task_id in self.forced)

    def _look_behind(
        self, missing: list[tuple[str, Output[Any]]], question: int, *, looks_on: bool
    ) -> Iterator[Answer]:
        answers: list[tuple[str, str]] = []
        part: dict[str, Described] = {}
        for key, output in missing:
            try:
                described = self._describe(_task_of(output))
                spec = described.spec
                if key not in spec.outputs:
                    raise undeclared_output(spec.task_id, key)
            except AlexflowError as error:  # the request fails with it
                yield _failed((key,), (), error, question)
                continue
            part[spec.task_id] = described
            answers.append((key, spec.task_id))
        if looks_on and len(part) < SLICE:
            self._look_on(part, answers)
        if answers:
            yield _inspected(part, question, missing=tuple(answers))

    def _look_on(self, part: dict[str, Described], answers: list[tuple[str, str]]) -> None:
        """Look behind the inputs of tasks as well, level by level, while none exists and all are few: as in a chain."""
        level, seen = list(part.values()), {key for key, _ in answers}
        while level and not AGED:  # else more is read
            inputs = {key: output for described in level for key, output in described.inputs.items()}
            if len(part) + len(inputs) > SLICE or not seen.isdisjoint(inputs):
                return
            level = self._all_behind(inputs)
            part.update({described.spec.task_id: described for described in level})
            answers += [(key, described.spec.task_id) for key, described in zip(inputs, level, strict=False)]
            seen.update(inputs)

    def _all_behind(self, missing: Mapping[str, Output[Any]]) -> list[Described]:
        """Describe what makes each of some outputs; none if one exists, or a task is known already or has a fault."""
        level: list[Described] = []
        try:
            if not missing or self._storage.exists_many(list(missing)):
                return []
            for key, output in missing.items():
                described = self._describe(_task_of(output))
                if key not in described.spec.outputs or described.spec.task_id in self._catalog.tasks:
                    return []
                level.append(described)
        except BaseException as error:  # a question about these meets it again
            if passes(error):
                raise
            return []
        return level

    def _describe(self, task: AbstractTask, makes: ProducedKeys | None = None, task_id: str | None = None) -> Described:
        """Describe a task, if it is not known; ``task_id`` is what it was asked for by."""
        try:
            name: Any = task.task_id if task_id is None else task_id
            if type(name) is not str:
                name = exact_name(task, "task_id", name)
            known = self._catalog.tasks.get(name)
        except BaseException as error:
            hook_failed(task, "task_id", error)
        if known is not None:
            return known
        described = describe(task, self._defaults, makes)
        if described.spec.task_id in self.around:
            raise self_deadlock(described.spec.task_id)
        if task_id is not None and described.spec.task_id != task_id:
            raise DefinitionError(
                f"{task_id} is {described.spec.task_id} when it is asked again; its task_id must always be the same"
            )
        for key, output in described.inputs.items():
            try:
                if key != output._output_id and key != output.output_id:  # of most it is known: this saves them a call
                    self._catalog.claim_key(key, output)
            except BaseException as error:
                hook_failed(output, "output_id", error)
        if self._storage.process_local and self._defaults.leaves_process(described.kind):
            storage = repr_of(self._storage, SHORT_TEXT)
            raise IncompatibleStorage(
                f"{described.spec.task_id} runs in a worker process, which cannot reach {storage}; "
                f"use a LocalStorage, or executor='thread' for the engine or the class"
            )
        return described


def self_deadlock(task_id: str) -> GraphError:
    """The error for a task whose ``run`` asks an engine for the task itself."""
    return GraphError(
        f"{task_id} is asked for from inside its own run(), and would wait for itself without end; "
        f"ask for what it depends on, or for a task with other parameters"
    )


def _task_of(output: Output[Any]) -> AbstractTask:
    try:
        return output.src_task  # type: ignore[return-value]  # every task is one; a cast would be a call
    except BaseException as error:
        hook_failed(output, "src_task", error)


def _keys_to_check(makes: Mapping[str, ProducedKeys]) -> list[str]:
    keys: list[str] = []
    for made, serves, _ in makes.values():
        keys += made
        if serves:
            keys += [key for key, _ in serves]
    return keys


def _failed(keys: tuple[str, ...], tasks: tuple[str, ...], error: Exception, question: int) -> Answer:
    return InspectionFailed(keys, tasks, error, question), NO_SUBJECTS


def _inspected(part: dict[str, Described], question: int, **answers: Any) -> Answer:
    """An answer that the tasks of ``part`` stand behind; the scheduler may ask about their inputs next."""
    outputs: dict[str, Output[Any]] = {}
    for described in part.values():
        if described.inputs:
            outputs.update(described.inputs)
    event = Inspected(specs=tuple([described.spec for described in part.values()]), question=question, **answers)
    return event, Subjects(outputs, {}, part)
