"""The arguments of an engine that concern its executors."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from msgspec import Struct

from alexflow.executors.interface import Executor
from alexflow.executors.workers import Workers

if TYPE_CHECKING:
    from alexflow.executors.capacity import Capacity
    from alexflow.executors.process.output_capture import Echo
    from alexflow.executors.process.started_server import StartedServer


class ExecutorSettings(Struct, frozen=True):
    """The arguments of an engine that concern its executors.

    Attributes:
        workers: how many jobs at once in threads and in worker processes, and what each may use.
        max_concurrency: how many jobs at once on the event loop.
        grace: seconds that a stopped job gets to end.
        echo: shows at once what tasks print, if that was asked for.
        library_threads: how many threads numerical libraries may start, if that was asked for; 0 leaves them alone.
        started: a fork server that has been started ahead, for worker processes.
        capacity: what jobs may claim of the machine; None if none does.
        devices: kinds of devices that a worker process does not see unless its job has claimed some.
        reserved: worker processes that tasks of a priority below 0 never take.
    """

    workers: Workers
    max_concurrency: int
    grace: float
    echo: Echo | None = None
    library_threads: int | None = None
    started: StartedServer | None = None
    capacity: Capacity | None = None
    devices: tuple[str, ...] = ()
    reserved: int = 0


class ConfigurableExecutor(Executor):
    """An executor that an engine is given itself, and that needs the engine's arguments."""

    @abstractmethod
    def configure(self, settings: ExecutorSettings) -> None:
        """Keep the arguments of an engine; called each time before ``open``."""
