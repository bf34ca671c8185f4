"""An engine to be killed: ``python -m tests.faults.family_process storage told gate way...``."""

import sys

import alexflow
from tests.faults.families import Parent

if __name__ == "__main__":
    place, told, gate, *ways = sys.argv[1:]
    alexflow.run(Parent(0, ways=tuple(ways), told=told, gate=gate), storage=place, workers=1, grace=1_000.0)
