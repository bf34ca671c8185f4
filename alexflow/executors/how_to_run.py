"""Strategies for running an attempt in the engine's process: on its event loop, or in a thread."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from alexflow.executors.running_job import RunningJob


class HowToRun(Protocol):
    """A strategy: how a runner runs the attempt of a job, and what can stop it.

    Attributes:
        is_interruptible: whether a cancellation of the runner reaches the job. If not, a stopped job is abandoned at
            once, without a grace period.
        name: of the executor.
        takes_cpus: whether a job that asks for nothing takes CPUs.
        gets_ctrl_c: whether Ctrl-C may be raised in the job: it is raised in the main thread only.
    """

    @property
    def name(self) -> str: ...

    @property
    def takes_cpus(self) -> bool: ...

    @property
    def is_interruptible(self) -> bool: ...

    @property
    def gets_ctrl_c(self) -> bool: ...

    def attempt(self, running_job: RunningJob) -> Awaitable[None]:
        """Run one attempt and publish its outputs."""
        ...

    def close(self) -> None:
        """Release what attempts used; none is running any more."""
