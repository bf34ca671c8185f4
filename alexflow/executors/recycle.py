"""The recycling of worker processes."""

from __future__ import annotations

from dataclasses import dataclass

from alexflow.arguments import check_positive, check_whole
from alexflow.frozen import Frozen, set_field


@dataclass(init=False, eq=False, repr=False)
class Recycle(Frozen):
    """Limits after which a worker process is replaced by a fresh one; the first one that it reaches counts.

    It finishes what it is running and gets nothing more; what waits behind that goes to other workers. So a library
    that leaks memory, or slows down with time, costs no task. ::

        await alexflow.arun(target, workers=Workers(recycle=Recycle(tasks=1000, memory=2 * 1024**3)))

    Attributes:
        tasks: how many tasks it is given at most.
        seconds: how old it may be when it has finished a task.
        memory: how much memory it may have when it has finished a task, in bytes (resident set size).

    Raises:
        DefinitionError: a limit is not above 0.
    """

    tasks: int | None = None
    seconds: float | None = None
    memory: int | None = None

    def __init__(self, tasks: int | None = None, seconds: float | None = None, memory: int | None = None):
        for name, limit in {"tasks": tasks, "seconds": seconds, "memory": memory}.items():
            if limit is not None and name == "seconds":
                check_positive(f"Recycle.{name}", limit, "a number of seconds above 0")
            elif limit is not None:
                check_whole(f"Recycle.{name}", limit, kind=" of bytes" if name == "memory" else "")
            set_field(self, name, limit)
