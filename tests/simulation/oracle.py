"""The expected outcome, computed as simply as possible: recursively, with nothing shared with the scheduler."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

from alexflow.scheduler import TaskSpec

Fate = Literal["done", "failed", "skipped"]


class Oracle:
    """The fate of each task that is needed, if all of those run to their end.

    Args:
        specs: all tasks, by name.
        gives: the children of dynamic tasks, by name.
        stored: keys that exist at the beginning.
        bad: tasks that fail.
    """

    def __init__(
        self,
        specs: Mapping[str, TaskSpec],
        gives: Mapping[str, Sequence[str]],
        stored: Collection[str],
        bad: Collection[str],
    ):
        self._specs = specs
        self._gives = gives
        self._producers = {key: name for name, spec in specs.items() for key in spec.outputs}
        self.stored = frozenset(stored)
        self._bad = frozenset(bad)
        #: The fates of the tasks that were needed so far.
        self.fates: dict[str, Fate] = {}

    def key(self, key: str) -> bool:
        """Return whether an output that is needed will exist."""
        return key in self.stored or self.task(self._producers[key]) == "done"

    def given(self, name: str) -> bool:
        """Return whether a requested or generated task will be done; it runs only if it was not done before."""
        outputs = self._specs[name].outputs
        return bool(outputs and self.stored.issuperset(outputs)) or self.task(name) == "done"

    def all(self, keys: Iterable[str], names: Iterable[str]) -> bool:
        """Return whether all of these will exist and be done."""
        return all([*[self.key(key) for key in keys], *[self.given(name) for name in names]])

    def task(self, name: str) -> Fate:
        """Return the fate of a task that must run."""
        if name not in self.fates:
            self.fates[name] = self._fate(name)
        return self.fates[name]

    def _fate(self, name: str) -> Fate:
        inputs = [self.key(key) for key in self._specs[name].inputs]  # all of them, also after one that fails
        if not all(inputs):
            return "skipped"
        if name in self._bad:
            return "failed"
        given = [self.given(child) for child in self._gives.get(name, ())]
        return "done" if all(given) else "skipped"

    def ended(self, how: Fate) -> set[str]:
        """Return the tasks with this fate."""
        return {name for name, fate in self.fates.items() if fate == how}
