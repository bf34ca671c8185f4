"""Tools for tests of workflows: simulations with faults, in virtual time."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.testing.clock import Standstill as Standstill
    from alexflow.testing.clock import VirtualLoop as VirtualLoop
    from alexflow.testing.faults import DeafTask as DeafTask
    from alexflow.testing.faults import DelayedReply as DelayedReply
    from alexflow.testing.faults import FailedAnswer as FailedAnswer
    from alexflow.testing.faults import FailedStore as FailedStore
    from alexflow.testing.faults import Faults as Faults
    from alexflow.testing.faults import LostWorker as LostWorker
    from alexflow.testing.faults import RaisedError as RaisedError
    from alexflow.testing.faults import RandomFaults as RandomFaults
    from alexflow.testing.faults import SlowAnswer as SlowAnswer
    from alexflow.testing.faults import SlowTask as SlowTask
    from alexflow.testing.faults import VanishedOutput as VanishedOutput
    from alexflow.testing.simulation import Simulation as Simulation
    from alexflow.testing.storage import QuickStorage as QuickStorage
    from alexflow.testing.storage import SimulatedStorage as SimulatedStorage

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "clock": "Standstill VirtualLoop",
        "faults": (
            "DeafTask DelayedReply FailedAnswer FailedStore Faults LostWorker RaisedError RandomFaults "
            "SlowAnswer SlowTask VanishedOutput"
        ),
        "simulation": "Simulation",
        "storage": "QuickStorage SimulatedStorage",
    },
)
