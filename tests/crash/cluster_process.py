"""An engine whose jobs run on a cluster, to be killed: ``python -m tests.crash.cluster_process kind address …``.

The other arguments, and what it says, are those of :mod:`tests.crash.engine_process`.
"""

import sys

import alexflow
from alexflow.cluster import DaskExecutor, RayExecutor
from tests.crash.workflow import CONCURRENCY, WORKERS, workflow

if __name__ == "__main__":
    kind, address, storage, log, *keep = sys.argv[1:]
    target = workflow(log, ephemeral=not keep)
    executor = DaskExecutor(f"tcp://{address}") if kind == "dask" else RayExecutor(address)
    print("begins", flush=True)
    result = alexflow.run(target, storage=storage, executor=executor, workers=WORKERS, max_concurrency=CONCURRENCY)
    print(result.ran, result.cached, flush=True)
