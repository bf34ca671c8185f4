"""The record: what a storage says of its outputs, and of the runs that made them. Read without users' code."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names as _lazy_names

if TYPE_CHECKING:
    from alexflow.record.changes import Change as Change
    from alexflow.record.comparison import Comparison as Comparison
    from alexflow.record.comparison import OutputDifference as OutputDifference
    from alexflow.record.diff import diff_outputs as diff_outputs
    from alexflow.record.diff import diff_runs as diff_runs
    from alexflow.record.diff import diff_storages as diff_storages
    from alexflow.record.entry import Entry as Entry
    from alexflow.record.entry import EntryInput as EntryInput
    from alexflow.record.entry import EntryOutput as EntryOutput
    from alexflow.record.explain import Explanation as Explanation
    from alexflow.record.opening import aopen_record as aopen_record
    from alexflow.record.opening import open_record as open_record
    from alexflow.record.plan import Plan as Plan
    from alexflow.record.plan import PlannedTasks as PlannedTasks
    from alexflow.record.record import Record as Record
    from alexflow.record.run_record import Run as Run
    from alexflow.record.run_record import RunAttempt as RunAttempt
    from alexflow.record.run_record import RunReport as RunReport
    from alexflow.record.value_differences import Difference as Difference
    from alexflow.record.value_differences import first_difference as first_difference

__getattr__, __dir__, __all__ = _lazy_names(
    __name__,
    {
        "entry": "Entry EntryInput EntryOutput",
        "changes": "Change",
        "comparison": "Comparison OutputDifference",
        "diff": "diff_outputs diff_runs diff_storages",
        "explain": "Explanation",
        "opening": "aopen_record open_record",
        "plan": "Plan PlannedTasks",
        "record": "Record",
        "run_record": "Run RunAttempt RunReport",
        "value_differences": "Difference first_difference",
    },
)
