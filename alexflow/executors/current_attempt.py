"""An attempt that runs now, as an executor describes it when it is asked."""

from __future__ import annotations

from msgspec import Struct


class CurrentAttempt(Struct, frozen=True):
    """An attempt that runs.

    Attributes:
        task_id: its task.
        seconds: since when.
        worker: the process id of its worker; 0 in the engine's process.
        host: the worker's machine; "" for the engine's.
    """

    task_id: str
    seconds: float
    worker: int = 0
    host: str = ""
