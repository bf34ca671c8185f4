"""An engine in an application that forks: ``python -m tests.faults.forking_process`` and what engine_process takes.

The fork says its process id, and waits for somebody to end it.
"""

import os
import signal
import sys
import threading
import time

import alexflow
from tests.faults.workflows import hanging_workflow


def fork_when_all_is_under_way(log: str) -> None:
    while len(open(log).read().split()) < 20:  # noqa: SIM115
        time.sleep(0.01)
    pid = os.fork()
    if pid == 0:
        signal.pause()
    print(pid, flush=True)


if __name__ == "__main__":
    storage, log, hang, told = sys.argv[1:]
    threading.Thread(target=fork_when_all_is_under_way, args=(log,), daemon=True).start()
    alexflow.run(hanging_workflow(log, hang, told), storage=storage, workers=2)
