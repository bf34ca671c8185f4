"""From a target back to what is missing, and no further."""

from alexflow.graph.description import Defaults, Described, Kind, describe, keys_of, kind_of
from alexflow.graph.forcing import Forceable, tasks_to_force
from alexflow.graph.inspection import Catalog, Inspector

__all__ = [
    "Catalog",
    "Defaults",
    "Described",
    "Forceable",
    "Inspector",
    "Kind",
    "describe",
    "keys_of",
    "kind_of",
    "tasks_to_force",
]
