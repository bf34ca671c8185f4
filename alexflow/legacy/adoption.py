"""``adopt``: gives results of alexflow 1.x their present ids, so that a code base can change its id spec."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alexflow.engine.targets import read_target
from alexflow.errors import OutputNotFound
from alexflow.identity import Pending
from alexflow.legacy.ids import FormerRule, Spec
from alexflow.model import AbstractTask, Output, flatten, task_behind
from alexflow.storage import Storage, open_storage
from alexflow.storage.copying import copy_object


@dataclass(frozen=True)
class Adoption:
    """The result of :func:`adopt`, in numbers of outputs.

    Attributes:
        linked: outputs that got a second name, without copying.
        copied: outputs that were copied, because the storages cannot share them.
        existed: outputs that existed already under their present id.
        missing: keys of 1.x under which nothing is stored; these outputs will be computed.
    """

    linked: int
    copied: int
    existed: int
    missing: Sequence[str]

    def __str__(self) -> str:
        return f"{self.linked} linked, {self.copied} copied, {self.existed} there already, {len(self.missing)} missing"


def adopt(
    target: Any,
    old: Storage | str | os.PathLike[str],
    new: Storage | str | os.PathLike[str] | None = None,
    *,
    spec: Spec = "1.0.0",
) -> Adoption:
    """Give existing results of a target, and of all tasks behind it, their present ids.

    The contents of ``old`` stay. Tasks that a dynamic task gives are not included: they are known only once it runs.

    Args:
        target: a target as :func:`alexflow.run` takes it, of the present classes.
        old: the storage with the results of 1.x.
        new: the storage for the results from now on; by default the same one.
        spec: the id spec of the results: "1.0.0", or None for results from before 1.0.

    Raises:
        IdentityError: a task cannot have existed in 1.x.
    """
    source = open_storage(old)
    place = source if new is None else open_storage(new)
    place.prepare()
    former = _FormerIds(spec)
    counts: Counter[str] = Counter()
    missing: list[str] = []
    for task in _with_all_behind(read_target(target).all_tasks):
        for output in flatten(task.output()):
            key = former.key(output)
            if key == output.key and place is source:
                continue
            try:
                counts[copy_object(source, key, place, output.key)] += 1
            except OutputNotFound:
                there = bool(place.exists_many([output.key]))
                if there:
                    counts["existed"] += 1
                else:
                    missing.append(key)
    return Adoption(counts["linked"], counts["copied"], counts["existed"], missing)


def _with_all_behind(tasks: Sequence[AbstractTask]) -> list[AbstractTask]:
    found = {task.task_id: task for task in tasks}
    pending = list(found.values())
    for task in pending:  # grows
        for output in flatten(task.input()):
            source = task_behind(output)
            if source.task_id not in found:
                found[source.task_id] = source
                pending.append(source)
    return pending


class _FormerIds:
    """The ids that present tasks have under a former spec."""

    def __init__(self, spec: Spec):
        self._spec = spec
        self._known: dict[str, str] = {}  # by the id of today

    def key(self, output: Output[Any]) -> str:
        """The key under which 1.x stored an output."""
        return _former_key(output, self._of(task_behind(output)))

    def _of(self, task: AbstractTask) -> str:
        task = task.unwrapped()
        stack = [task]  # no recursion: a chain of tasks may be longer than Python recurses
        while stack:
            pending: Pending = []
            former_id = _Rule(self._spec, pending, self._known).id_of(stack[-1])
            if pending:
                stack += pending
            else:
                self._known[stack.pop().task_id] = former_id
        return self._known[task.task_id]


class _Rule(FormerRule):
    """A former rule applied to tasks of another spec, including all tasks nested in them."""

    def __init__(self, spec: Spec, pending: Pending, known: dict[str, str]):
        super().__init__(spec, pending)
        self._known = known

    def known_id(self, task: AbstractTask) -> str | None:
        return self._known.get(task.task_id)

    def carries_spec(self, task: AbstractTask) -> bool:
        return True

    def key_of(self, output: Output[Any], task_id: str) -> str:
        return _former_key(output, task_id)


def _former_key(output: Output[Any], former_id: str) -> str:
    own = output.key.removeprefix(output.src_task_id)
    return output.key if own == output.key else former_id + own
