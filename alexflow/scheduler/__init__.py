"""What to do next: a pure state machine, ``handle(event) -> instructions``."""

from alexflow.scheduler.machine import Scheduler
from alexflow.scheduler.spec import TaskSpec

__all__ = ["Scheduler", "TaskSpec"]
