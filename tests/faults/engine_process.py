"""An engine to be killed: ``python -m tests.faults.engine_process storage log hang told [directory for a journal]``."""

import sys

import alexflow
from tests.faults.workflows import hanging_workflow

if __name__ == "__main__":
    storage, log, hang, told, *journal = sys.argv[1:]
    alexflow.run(hanging_workflow(log, hang, told), storage=storage, workers=2, journal=journal[0] if journal else None)
