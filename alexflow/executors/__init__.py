"""Executors run jobs: on the event loop, in threads, in worker processes, or where you say."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.executors.interface import Done as Done
    from alexflow.executors.interface import Executor as Executor
    from alexflow.executors.interface import Job as Job
    from alexflow.executors.interface import JobSource as JobSource
    from alexflow.executors.interface import NotDone as NotDone
    from alexflow.executors.interface import Outcome as Outcome
    from alexflow.executors.interface import Report as Report
    from alexflow.executors.interface import Unsure as Unsure
    from alexflow.executors.registry import ExecutorKind as ExecutorKind
    from alexflow.executors.registry import ExecutorSettings as ExecutorSettings
    from alexflow.executors.registry import register_executor as register_executor
    from alexflow.executors.registry import unregister_executor as unregister_executor

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "interface": "Done Executor Job JobSource NotDone Outcome Report Unsure",
        "registry": "ExecutorKind ExecutorSettings register_executor unregister_executor",
    },
)
