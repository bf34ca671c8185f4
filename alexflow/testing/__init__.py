"""For tests: of alexflow itself, and of what is built on it."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.testing.clock import Standstill, VirtualLoop
    from alexflow.testing.faults import (
        DeafTask,
        DelayedReply,
        FailedAnswer,
        FailedStore,
        Faults,
        LostWorker,
        RaisedError,
        RandomFaults,
        SlowAnswer,
        SlowTask,
        VanishedOutput,
    )
    from alexflow.testing.simulation import Simulation
    from alexflow.testing.storage import QuickStorage, SimulatedStorage

__all__ = [
    "DeafTask",
    "DelayedReply",
    "FailedAnswer",
    "FailedStore",
    "Faults",
    "LostWorker",
    "QuickStorage",
    "RaisedError",
    "RandomFaults",
    "SimulatedStorage",
    "Simulation",
    "SlowAnswer",
    "SlowTask",
    "Standstill",
    "VanishedOutput",
    "VirtualLoop",
]

_FAULTS = (
    "DeafTask",
    "DelayedReply",
    "FailedAnswer",
    "FailedStore",
    "Faults",
    "LostWorker",
    "RaisedError",
    "RandomFaults",
    "SlowAnswer",
    "SlowTask",
    "VanishedOutput",
)

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Simulation": "alexflow.testing.simulation",
        "Standstill": "alexflow.testing.clock",
        "VirtualLoop": "alexflow.testing.clock",
        "QuickStorage": "alexflow.testing.storage",
        "SimulatedStorage": "alexflow.testing.storage",
        **dict.fromkeys(_FAULTS, "alexflow.testing.faults"),
    },
)
