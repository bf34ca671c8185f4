"""An engine to be killed: ``python -m tests.faults.engine_process storage log hang told``."""

import sys

import alexflow
from tests.faults.workflows import hanging_workflow

if __name__ == "__main__":
    storage, log, hang, told = sys.argv[1:]
    alexflow.run(hanging_workflow(log, hang, told), storage=storage, workers=2)
