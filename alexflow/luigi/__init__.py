"""luigi beside alexflow, so that a code base can move from one to the other piece by piece (``alexflow[luigi]``)."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.luigi.dependency import LuigiFailed as LuigiFailed
    from alexflow.luigi.dependency import LuigiTask as LuigiTask
    from alexflow.luigi.dependency import TargetOutput as TargetOutput
    from alexflow.luigi.dependency import from_luigi as from_luigi
    from alexflow.luigi.running import AlexflowTask as AlexflowTask
    from alexflow.luigi.running import run_job as run_job
    from alexflow.luigi.running import run_workflow as run_workflow
    from alexflow.luigi.running import to_luigi as to_luigi

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "dependency": "LuigiFailed LuigiTask TargetOutput from_luigi",
        "running": "AlexflowTask run_job run_workflow to_luigi",
    },
)
