"""The watch over the memory of an agent's workers, where the agent may use a part of its machine only.

A Dask worker, or an allocation, has a limit that the system does not know: Dask's nanny sees its one process and none
of those that an agent hosts. So the agent looks itself. When its workers together use more than it may, it ends the
largest, whose task had too little memory (:mod:`alexflow.executors.process.memory_shortage`): it is run once more,
alone. All others live, and so does the Dask worker.

Memory that workers share, as that of imported libraries, counts once: first what each has for itself is added up, which
one line of a small file says; only if that is too much are shared pages divided, which takes the system longer.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping

from alexflow.executors.control_groups import MemoryKills, read
from alexflow.executors.memory_text import memory_text
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.worker_process import WorkerProcess

#: Seconds between two looks.
MEMORY_LOOK_EVERY = 0.2

_PAGE = os.sysconf("SC_PAGE_SIZE")


class MemoryWatch:
    """Ends workers that use more memory than there is for them, and says so.

    Args:
        limit: bytes that all together may use; 0 for what the system allows.
        workers: those that there are, by number.
    """

    def __init__(self, limit: int, workers: Mapping[int, WorkerProcess]):
        self._limit = limit
        self._workers = workers
        self._kills = MemoryKills()
        self._ended: dict[int, str] = {}  # why, by worker
        self._next: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Look from now on, as long as there are workers."""
        if self._limit and self._next is None:
            self._look()

    def close(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()

    def shortage_of(self, worker: int, end: ExitStatus) -> str:
        """Return why a worker that has ended was killed, if that was for memory; "" otherwise."""
        return self._ended.pop(worker, "") or (self._kills.latest() if end.signal == signal.SIGKILL else "")

    def _look(self) -> None:
        processes = {worker: process.pid for worker, process in self._workers.items() if process.pid}
        found = largest_of_too_many(processes, self._limit)
        if found is not None:
            worker, self._ended[found[0]] = found
            self._workers[worker].kill()
        again = bool(self._workers)
        self._next = asyncio.get_running_loop().call_later(MEMORY_LOOK_EVERY, self._look) if again else None


def largest_of_too_many(processes: Mapping[int, int], limit: int) -> tuple[int, str] | None:
    """Find the process to end when all together use too much memory.

    Args:
        processes: process ids, by anything.
        limit: bytes that they may use together.

    Returns:
        The key of the largest and what is to be said of its end; None if they use no more than they may.
    """
    if sum(map(private_memory, processes.values())) <= limit:
        return None
    used = {key: proportional_memory(pid) for key, pid in processes.items()}
    total = sum(used.values())
    if total <= limit:
        return None
    largest = max(used, key=lambda key: used[key])
    why = f"its agent has ended it: its workers used {memory_text(total)}, and may use {memory_text(limit)}"
    return largest, why


def private_memory(pid: int) -> int:
    """Return the bytes that a process has in memory, without files and shared memory; 0 if it is gone."""
    fields = read(f"/proc/{pid}/statm").split()
    return (int(fields[1]) - int(fields[2])) * _PAGE if len(fields) > 2 else 0


def proportional_memory(pid: int) -> int:
    """Return the bytes that a process has in memory; of those that it shares, its part. 0 if it is gone."""
    for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return private_memory(pid)
