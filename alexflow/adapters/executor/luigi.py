"""Import path of alexflow 1.x."""

from alexflow.legacy.moved import moved
from alexflow.luigi.running import run_job, run_workflow, to_luigi

__all__ = ["run_job", "run_workflow", "to_luigi"]

moved(__name__, "alexflow.luigi")
