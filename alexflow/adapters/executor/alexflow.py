"""Import path of alexflow 1.x."""

from alexflow.legacy.moved import moved
from alexflow.legacy.running import Termination, run_job, run_workflow

__all__ = ["Termination", "run_job", "run_workflow"]

moved(__name__, "alexflow.legacy, or call alexflow.run")
