"""The last steps of a worker process."""

from __future__ import annotations

import sys

from alexflow.executors.process.worker.stdio import StdioCapture


def shut_down_process(capture: StdioCapture) -> None:
    """Do what has to be done before the process ends.

    As with the workers of multiprocessing, this is all: finalizing a large interpreter takes longer than many a task.
    """
    if "logging" in sys.modules:  # of a task's
        sys.modules["logging"].shutdown()
    capture.flush()
