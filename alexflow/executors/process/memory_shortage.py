"""Memory that does not suffice: the system has killed a worker process for it, or a task has raised ``MemoryError``.

That may be the fault of what ran beside. So the task is run once more, alone; counted as the death of a worker is. If
that fails as well, it has failed, and the error says how much memory its process has used. From then on other tasks of
its class claim as much, so that no more of them run together than there is memory for.

The system's word is the counter ``oom_kill`` of this process's control groups: it rises when it kills one of their
processes. Where there is none a SIGKILL is a death like others.
"""

from __future__ import annotations

import signal

from msgspec.structs import replace

from alexflow.errors import TaskError, TaskFailed
from alexflow.executors.control_groups import MemoryKills
from alexflow.executors.interface import NotDone
from alexflow.executors.memory_text import memory_text
from alexflow.executors.process.claims import Claims
from alexflow.executors.process.places import Assignment
from alexflow.executors.process.wire.exit_status import ExitStatus


class MemoryShortage:
    """Decides what becomes of jobs that had too little memory.

    Args:
        claims: runs them alone.
        is_here: whether workers are of this machine; if not, agents say why they were killed.
    """

    def __init__(self, claims: Claims, *, is_here: bool = True):
        self._claims = claims
        self._kills = MemoryKills() if is_here else None

    def of_killed(self, sent: Assignment, lost: NotDone, end: ExitStatus) -> NotDone:
        """Return the outcome of a job whose worker has ended, if it was killed for memory; else the same."""
        if end.signal != signal.SIGKILL or end.hung_up or lost.reason != "lost" or lost.error is None:
            return lost
        why = end.shortage if self._kills is None else self._kills.latest()
        if not why:
            return lost
        lost.error.message += f"; {why}"
        return self._settled(sent, lost, lost.error, end.peak_rss)

    def of_failed(self, sent: Assignment, outcome: NotDone, peak: int) -> NotDone:
        """Return the outcome of a job that has failed, if it had too little memory; else the same."""
        error = outcome.error
        if not isinstance(error, TaskFailed) or outcome.reason != "error" or "MemoryError" not in error.error_classes:
            return outcome
        sent.place.is_due = True  # it is left with a heap as large as it could get
        return self._settled(sent, outcome, error, peak)

    def _settled(self, sent: Assignment, outcome: NotDone, error: TaskError, used: int) -> NotDone:
        total = self._claims.memory_at(sent.place)
        there = f" of {memory_text(total)}" if total else ""
        taken = memory_text(used) if used else "an unknown part"
        said = f"{error.message.rstrip(': ')}; its process has used {taken}{there}"
        if self._claims.lacked_memory(sent.job, used):
            error.message = f"{said}, and is run once more, alone"
            return replace(outcome, reason="lost", error=error, missing_input="", retry_after=None)
        error.message = f"{said}, though it ran alone"
        reason = "fatal" if outcome.reason == "lost" else outcome.reason
        return replace(outcome, reason=reason, error=error, missing_input="", retry_after=None)
