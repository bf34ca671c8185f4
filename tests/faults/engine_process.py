"""An engine in a process of its own, to be killed: ``python -m tests.faults.engine_process storage log hang told``."""

import sys

import alexflow
from tests.faults.workflows import hanging_workflow

if __name__ == "__main__":
    alexflow.run(hanging_workflow(*sys.argv[2:]), storage=sys.argv[1], workers=2)
