"""The protocol between the harness and a contestant: arguments there, one line of JSON back.

``PYTHON SCRIPT --case CASE --size N --directory DIR [--seconds S] [--workers 2]``, a fresh process each time it is
measured. The last line of its standard output is ``{"seconds": …, "tasks": …, "value": …, "peak_mib": …}``:

* ``seconds`` is taken inside, around the engine's work only: from the call that runs the workflow until its result is
  known, the building of task objects and graphs included, and so the start and the stop of the engine's workers;
  imports are done before. For ``start``: from just before the engine starts to the first process task's result. For
  ``cpu``: an engine that can be kept open has run a short task on each worker before. For ``rerun``: an engine that can
  be asked for the same object again need not describe it again.
* ``tasks`` is how many tasks that was, ``value`` the result as read back from storage (``benchmarks.work.expected``).
* ``peak_mib`` is how far the main process grew: its largest resident size less the resident size after the imports.
* ``described``, if it can be separated: the seconds of these that the user's own code took to describe the tasks.
* ``executed``, for ``grow`` and ``rerun``: how many tasks were run; existing outputs are made before, untimed.

Exit code 3 with ``{"unsupported": "reason"}`` says that this engine has no way to do the case.

Standard library only, like ``work``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path
from typing import NoReturn

CASES = ("fan", "chain", "layered", "grow", "rerun", "async", "cpu", "start")

#: Exit code of a contestant whose engine cannot do a case.
UNSUPPORTED = 3


def parser(**options: object) -> argparse.ArgumentParser:
    """The arguments that every contestant receives; a contestant may add arguments of its own."""
    made = argparse.ArgumentParser(**options)  # type: ignore[arg-type]
    made.add_argument("--case", required=True, choices=CASES)
    made.add_argument("--size", type=int, required=True)
    made.add_argument("--directory", type=Path, required=True, help="an empty directory, for all that is stored")
    made.add_argument("--seconds", type=float, default=0.05, help="of each task of async and cpu")
    made.add_argument("--workers", type=int, default=2)
    return made


def answer(seconds: float, tasks: int, value: int, peak_mib: float, **more: object) -> None:
    """Report to the harness what was measured."""
    measured = {"seconds": seconds, "tasks": tasks, "value": value, "peak_mib": peak_mib, **more}
    print(json.dumps(measured), flush=True)


def unsupported(reason: str) -> NoReturn:
    """Report to the harness that the engine has no way to do this case."""
    print(json.dumps({"unsupported": reason}), flush=True)
    sys.exit(UNSUPPORTED)


class Growth:
    """The growth of this process since this was made: make it after the imports."""

    def __init__(self) -> None:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # the largest resident size is counted from here
        self._before = resident("VmRSS")

    @property
    def peak_mib(self) -> float:
        """The largest resident size so far, over the one at first."""
        return resident("VmHWM") - self._before  # getrusage would include the peak of the parent process


def resident(field: str) -> float:
    """MiB of this process in memory: ``VmRSS`` now, ``VmHWM`` at most."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:  # not Linux
        return 0.0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field + ":")) / 1024
