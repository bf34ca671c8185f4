"""The graph of tasks, from a target back to the outputs that are missing, and no further."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.graph.catalog import Catalog as Catalog
    from alexflow.graph.describe import Defaults as Defaults
    from alexflow.graph.describe import Described as Described
    from alexflow.graph.force import Forceable as Forceable
    from alexflow.graph.force import tasks_to_force as tasks_to_force
    from alexflow.graph.inspector import NO_SUBJECTS as NO_SUBJECTS
    from alexflow.graph.inspector import Inspector as Inspector
    from alexflow.graph.inspector import Subjects as Subjects
    from alexflow.graph.inspector import self_deadlock as self_deadlock
    from alexflow.graph.placement import Kind as Kind
    from alexflow.graph.placement import kind_of as kind_of

#: Where a task runs is asked before anything of its graph is.
__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "catalog": "Catalog",
        "describe": "Defaults Described",
        "force": "Forceable tasks_to_force",
        "inspector": "NO_SUBJECTS Inspector Subjects self_deadlock",
        "placement": "Kind kind_of",
    },
)
