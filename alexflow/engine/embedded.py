"""``Engine`` for applications: what it may need is imported with it, and not on an event loop that serves others.

:func:`alexflow.run` has a loop of its own, and imports what its graph needs when it does.
"""

import alexflow.engine.dynamic
import alexflow.engine.mapping
import alexflow.engine.one_run
import alexflow.engine.recorded_first
import alexflow.engine.segment
import alexflow.executors.event_loop
import alexflow.executors.process.pool
import alexflow.executors.thread  # noqa: F401  # for engines, as above
from alexflow.engine.engine import Engine

__all__ = ["Engine"]
