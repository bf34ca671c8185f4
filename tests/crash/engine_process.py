"""An engine in a process of its own, to be killed: ``python -m tests.crash.engine_process storage log [keep]``.

It says when it begins, and at the end how many tasks ran and how many were found.
"""

import sys

import alexflow
from tests.crash.workflow import CONCURRENCY, WORKERS, workflow

if __name__ == "__main__":
    storage, log, *keep = sys.argv[1:]
    target = workflow(log, ephemeral=not keep)
    print("begins", flush=True)
    result = alexflow.run(target, storage=storage, workers=WORKERS, max_concurrency=CONCURRENCY)
    print(result.ran, result.cached, flush=True)
