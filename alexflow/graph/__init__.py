"""The graph of tasks, from a target back to the outputs that are missing, and no further."""

from alexflow.graph.describe import Defaults, Described, describe
from alexflow.graph.force import Forceable, tasks_to_force
from alexflow.graph.inspector import NO_SUBJECTS, Catalog, Inspector, Subjects, self_deadlock
from alexflow.graph.placement import Kind, kind_of

__all__ = [
    "NO_SUBJECTS",
    "Catalog",
    "Defaults",
    "Described",
    "Forceable",
    "Inspector",
    "Kind",
    "Subjects",
    "describe",
    "kind_of",
    "self_deadlock",
    "tasks_to_force",
]
