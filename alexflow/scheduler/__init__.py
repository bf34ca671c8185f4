"""The scheduler decides what runs next: a pure state machine, ``handle(event) -> instructions``."""

from alexflow.scheduler.events import TaskSpec
from alexflow.scheduler.machine import Scheduler

__all__ = ["Scheduler", "TaskSpec"]
