"""From a target back to what is missing, and no further."""

from alexflow.graph.description import Defaults, Described, Kind, describe, kind_of
from alexflow.graph.force import Forceable, tasks_to_force
from alexflow.graph.inspector import NO_SUBJECTS, Catalog, Inspector, Subjects, inside_itself

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
    "inside_itself",
    "kind_of",
    "tasks_to_force",
]
