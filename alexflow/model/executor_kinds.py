"""Kinds of executors: the names that classes of tasks and engines use, and what each can do.

They stand here, below everything that asks for them: the graph keeps what a task's executor needs and refuses names
that an engine does not have, and the engine hands jobs to it. :mod:`alexflow.executors.registry` makes the executors
and adds kinds.
"""

from __future__ import annotations

from collections.abc import Iterable


class ExecutorKind:
    """A kind of executor.

    Args:
        name: as in ``TaskOptions(executor=name)``.
        leaves_process: whether tasks are sent to another process, which must be able to open the storage.
        prefetches: whether it sends jobs before they are ready: it gets the tasks that are planned, and looks for those
            that come after a job (:class:`~alexflow.executors.interface.JobSource`).
        packs: whether it sees to it that tasks have what they ask for (:class:`~alexflow.ResourceSpec`); jobs of
            others come without.
    """

    def __init__(self, name: str, leaves_process: bool = False, prefetches: bool = False, packs: bool = False) -> None:
        self.name = name
        self.leaves_process = leaves_process
        self.prefetches = prefetches
        self.packs = packs

    def __repr__(self) -> str:
        return f"ExecutorKind({self.name!r})"


#: All kinds, by name. Kinds are added before classes name them.
EXECUTOR_KINDS: dict[str, ExecutorKind] = {
    kind.name: kind
    for kind in (
        ExecutorKind("process", leaves_process=True, prefetches=True, packs=True),
        ExecutorKind("thread", packs=True),
        ExecutorKind("loop", packs=True),
    )
}


def name_choices(*left_out: str, among: Iterable[str] = EXECUTOR_KINDS) -> str:
    """Return the names of kinds for a message: ``'process', 'thread' or 'loop'``; by default of all."""
    *names, last = (repr(name) for name in among if name not in left_out)
    return f"{', '.join(names)} or {last}" if names else last
