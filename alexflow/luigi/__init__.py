"""luigi beside alexflow, so that a code base can move from one to the other piece by piece (``alexflow[luigi]``)."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.luigi.dependency import LuigiFailed, LuigiTask, TargetOutput, from_luigi
    from alexflow.luigi.running import AlexflowTask, run_job, run_workflow, to_luigi

__all__ = [
    "AlexflowTask",
    "LuigiFailed",
    "LuigiTask",
    "TargetOutput",
    "from_luigi",
    "run_job",
    "run_workflow",
    "to_luigi",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "AlexflowTask": "alexflow.luigi.running",
        "run_job": "alexflow.luigi.running",
        "run_workflow": "alexflow.luigi.running",
        "to_luigi": "alexflow.luigi.running",
        "LuigiFailed": "alexflow.luigi.dependency",
        "LuigiTask": "alexflow.luigi.dependency",
        "TargetOutput": "alexflow.luigi.dependency",
        "from_luigi": "alexflow.luigi.dependency",
    },
)
