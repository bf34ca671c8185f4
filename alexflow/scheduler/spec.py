"""What the scheduler knows of a task: names and numbers, nothing of the user's."""

from __future__ import annotations

from msgspec import Struct


class TaskSpec(Struct, frozen=True, gc=False):  # refers to nothing that could refer back
    """One task, as the scheduler sees it.

    Attributes:
        task_id: its id.
        inputs: keys that must exist before it starts, each once.
        ephemeral: those of ``inputs`` that this task lets be removed afterwards.
        outputs: keys that exist when it is done.
        tags: names that limits may be set for.
        dynamic: whether it gives further tasks instead of doing work itself.
        retries: how often it is tried again after an error of its own.
        retry_delay: seconds before the first retry, doubled for each further one.
        retry_jitter: fraction by which chance makes each delay longer or shorter.
        grounded: whether its id is a digest of (among others) its inputs' ids, so that it cannot be on a cycle: each
            task on it would have to be made before the one before it.
        serves: keys of the dynamic task that gave it and for which it makes them, each with the one of ``outputs``
            under which that is kept until the dynamic task is done.
    """

    task_id: str
    inputs: tuple[str, ...] = ()
    ephemeral: frozenset[str] = frozenset()
    outputs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    dynamic: bool = False
    retries: int = 0
    retry_delay: float = 0.0
    retry_jitter: float = 0.0
    grounded: bool = False
    serves: tuple[tuple[str, str], ...] = ()
