"""The part that the peers' scripts share: measuring a case, and files for engines that leave these to their users.

Import it before the engine. The scripts have their engines' names, and alexflow that of this repository's package: both
folders are moved to the end of the path here, so that ``import luigi`` means the installed one. Worker processes that
import a script again find this module there, too.

A script's ``run`` is a context manager: it starts its engine, does the case, gives a way to read the value back when
the result is known, and stops the engine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PEERS = Path(__file__).resolve().parent
_last = [str(PEERS), str(PEERS.parents[1])]
sys.path[:] = [path for path in sys.path if path not in _last] + _last
sys.setrecursionlimit(1_000_000)  # several engines recurse over the graph, which a hundred links of a chain would end

from benchmarks import protocol, work  # noqa: E402

Asked = argparse.Namespace
Read = Callable[[], int]
Run = Callable[[Asked], contextlib.AbstractContextManager[Read]]


class Unsupported(Exception):
    """The engine has no way to do this case."""


def main(run: Run, outputs: str, rewrites: bool = False) -> None:
    """Run the case that the command line asks for, and answer.

    Args:
        run: Does one case.
        outputs: A glob pattern that matches each task's output below the directory, and nothing else: by how many of
            these are new or other files afterwards the number of executed tasks is known.
        rewrites: The engine may write an existing output again without having executed its task: only new ones count.
    """
    arguments = protocol.parser()
    arguments.add_argument("--whole", action="store_true", help="what exists was made before; the caller has the clock")
    asked = arguments.parse_args()
    asked.directory = asked.directory.resolve()
    if asked.whole:
        return _main_whole(run, asked)
    growth = protocol.Growth()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what engines print
            if asked.case in ("grow", "rerun"):
                _prepare(asked)
            before = _outputs(asked.directory, outputs, rewrites)
            seconds, value = _measured(run, asked)
    except Unsupported as reason:
        protocol.unsupported(str(reason))
    except RecursionError:
        protocol.unsupported("RecursionError: it recurses over the graph")
    peak = round(growth.peak_mib, 1)
    executed = len(_outputs(asked.directory, outputs, rewrites) - before)
    protocol.answer(seconds, work.tasks_of(asked.case, asked.size), value, peak, executed=executed)


def _main_whole(run: Run, asked: Asked) -> None:
    try:
        with contextlib.redirect_stdout(sys.stderr), run(asked) as read:
            value = read()
    except Unsupported as reason:
        protocol.unsupported(str(reason))
    protocol.answer(0.0, work.tasks_of(asked.case, asked.size), value, 0.0)


def _prepare(asked: Asked) -> None:
    """Make what is to exist, in another process: this one's engine knows nothing of it but what is stored."""
    command = {**vars(asked), "case": "fan"}
    arguments = [part for name, value in command.items() for part in (f"--{name}", str(value))]
    subprocess.run([sys.executable, sys.argv[0], *arguments], stdout=subprocess.DEVNULL, check=True)


def _measured(run: Run, asked: Asked) -> tuple[float, int]:
    """Seconds and the value."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the largest resident size is counted from here
    started = time.perf_counter()
    with run(asked) as read:
        known = time.perf_counter()
    stopped = time.perf_counter()
    return (known if asked.case == "start" else stopped) - started, read()


def _outputs(directory: Path, pattern: str, rewrites: bool) -> set[tuple[object, ...]]:
    """Every output as it is now."""
    found = ((path, path.stat()) for path in directory.glob(pattern))
    return {(path,) if rewrites else (path, stat.st_ino, stat.st_mtime_ns) for path, stat in found}


def path_of(asked: Asked, name: str) -> str:
    """Return the file of a task's output, for engines that leave files to the user."""
    return f"{asked.directory}/{name}.pkl"


def store(path: str, value: int) -> str:
    """Write a value under a temporary name, then give it its own; gives the path."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:
        pickle.dump(value, file, protocol=5)
    os.rename(temporary, path)
    return path


def load(path: str) -> int:
    """Return the stored value."""
    with open(path, "rb") as file:
        return pickle.load(file)
