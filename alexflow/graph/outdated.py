"""Outdated outputs: they exist and are too old for a request or by their class, so that their tasks run again.

Such a task is forced, but only as long as its outputs are those that were found too old: what another engine has made
again meanwhile is not made a second time. The time of modification says which they are.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from alexflow.errors import DefinitionError
from alexflow.graph.placement import options_of
from alexflow.hooks import SHORT_TEXT, exact_name, hook_failed, repr_of
from alexflow.model import AbstractTask, Output
from alexflow.model.options import AGED
from alexflow.storage import Storage
from alexflow.storage.background import for_each

#: Outputs whose times are asked for at once, where each is a request.
TIMES_AT_ONCE = 32

#: From the keys of outputs to the times at which they were published.
Times = Mapping[str, float]


class _OldOutputs(Struct):
    times: Times
    claims: int


class Outdated:
    """The tasks whose outputs are outdated.

    Args:
        storage: holds the outputs.
        forced: the ids of tasks that run although their outputs exist; those of outdated outputs are among them.
    """

    def __init__(self, storage: Storage, forced: set[str]):
        self._storage = storage
        self._forced = forced
        self._entries: dict[str, _OldOutputs] = {}  # by task
        self._makers: dict[str, str] = {}  # of their keys

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._entries

    async def times_of(self, keys: Collection[str]) -> dict[str, float]:
        """Return when outputs were published; those that do not exist are left out.

        Raises:
            DefinitionError: the storage keeps no times.
        """
        found: dict[str, float] = {}
        storage = self._storage

        async def ask(key: str) -> None:
            at = storage.modified(key) if storage.answers_at_once else await storage.amodified(key)
            if at is not None:
                found[key] = at

        if storage.answers_at_once or len(keys) == 1:
            for key in keys:
                await ask(key)
        else:
            await for_each(keys, ask, min(TIMES_AT_ONCE, len(keys)))
        if len(found) < len(keys):
            untimed = await storage.aexists_many([key for key in keys if key not in found])
            if untimed:
                raise DefinitionError(
                    f"{repr_of(storage, SHORT_TEXT)} does not say when {min(untimed)} was stored, "
                    f"so max_age cannot be used with it"
                )
        return found

    def add(self, task_id: str, times: Times, *, claims: int = 0) -> None:
        """Let a task run again, as long as its outputs are those of ``times``."""
        entry = self._entries.get(task_id)
        if entry is not None:
            entry.claims += claims
        elif task_id not in self._forced:
            self._entries[task_id] = _OldOutputs(times, claims)
            self._makers.update(dict.fromkeys(times, task_id))
            self._forced.add(task_id)

    @contextmanager
    def claimed(self, found: Mapping[str, Times]) -> Iterator[None]:
        """Let tasks run again for a request, by their ids."""
        for task_id, times in found.items():
            self.add(task_id, times, claims=1)
        try:
            yield
        finally:
            for task_id in found:
                entry = self._entries.get(task_id)
                if entry is not None:
                    entry.claims -= 1
                    if entry.claims <= 0:
                        self.forget((task_id,))

    def drop_unclaimed(self, task_ids: Iterable[str]) -> None:
        """Forget tasks that are over, unless a request still wants them to run again."""
        if self._entries:
            self.forget([id for id in task_ids if id in self._entries and not self._entries[id].claims])

    def forget(self, task_ids: Iterable[str]) -> None:
        """Forget tasks: they have run again, or need not."""
        for task_id in task_ids:
            entry = self._entries.pop(task_id, None)
            if entry is not None:
                self._forced.discard(task_id)
                for key in entry.times:
                    self._makers.pop(key, None)

    async def settle(self, keys: Iterable[str]) -> None:
        """Forget the tasks of keys that another engine has made again."""
        task_ids = {self._makers[key] for key in keys if key in self._makers}
        for task_id in task_ids:
            entry = self._entries.get(task_id)
            if entry is None:
                continue
            now = await self.times_of(entry.times.keys())
            if now.keys() == entry.times.keys() and all(now[key] != at for key, at in entry.times.items()):
                self.forget((task_id,))

    async def find(
        self,
        outputs: Mapping[str, Output[Any]],
        tasks: Mapping[str, tuple[AbstractTask, Sequence[str]]],
        present: Collection[str],
    ) -> None:
        """Find what is too old by the rule of its class, and let it run again.

        Args:
            outputs: by key.
            tasks: by id, each with the keys that it makes.
            present: the keys that exist.
        """
        limited = {key: max_age_of(output) for key, output in outputs.items() if key in present}
        groups: list[tuple[str, Sequence[str], float]] = [
            (_maker(outputs[key]), (key,), limit) for key, limit in limited.items() if limit is not None
        ]
        for task_id, (task, made) in tasks.items():
            limit = max_age_of(task)
            if limit is not None:
                groups.append((task_id, tuple(key for key in made if key in present), limit))
        times = await self.times_of({key for _, keys, _ in groups for key in keys})
        for task_id, keys, limit in groups:
            own = {key: times[key] for key in keys if key in times}
            if own and age_of(own) > limit:
                self.add(task_id, own)


def age_of(times: Times) -> float:
    """Return the age of the oldest of some outputs, in seconds."""
    return time.time() - min(times.values())


def max_age_of(owner: AbstractTask | Output[Any]) -> float | None:
    """Return how old a task's outputs may be by the rule of its class, in seconds; None for any age."""
    if not AGED:
        return None
    try:
        task = owner.src_task.unwrapped() if isinstance(owner, Output) else owner.unwrapped()
        return options_of(task).max_age  # type: ignore[arg-type]  # every source is a task
    except BaseException as error:
        hook_failed(owner, "options", error)


def has_max_age(owners: Iterable[AbstractTask | Output[Any]]) -> bool:
    """Return whether the class of some of these limits their age, or raises when it is asked for that."""
    try:
        return bool(AGED) and any(max_age_of(owner) is not None for owner in owners)
    except Exception:  # whatever looks for the age reports it
        return True


def _maker(output: Output[Any]) -> str:
    try:
        return exact_name(output, "src_task_id", output.src_task_id)
    except BaseException as error:
        hook_failed(output, "src_task_id", error)
