"""A script to be interrupted: ``python -m tests.faults.interrupted_process storage log told gate how``."""

import os
import signal
import sys
import threading

import alexflow
from tests.faults.stubborn import CleansUp, CleansUpInThread, CleansUpOnLoop, DeafOnLoop


def main(place: str, log: str, told: str, gate: str, how: str) -> None:
    """Run tasks that wait at a gate, and others behind them."""
    print(os.getpid(), flush=True)
    kind = {"thread": CleansUpInThread, "loop": CleansUpOnLoop, "deaf": DeafOnLoop}.get(how, CleansUp)
    tasks = [kind(n, log, told, gate, how) for n in range(20)]
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    grace = {"goes on": 1_000.0, "deaf": 0.1}.get(how, 5.0)
    try:
        alexflow.run(tasks, storage=place, workers=2, max_concurrency=2, grace=grace)
    finally:
        assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
        print("threads", *sorted(thread.name for thread in threading.enumerate()))
        print("the script goes on", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
