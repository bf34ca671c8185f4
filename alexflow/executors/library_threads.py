"""Threads of numerical libraries in a process: by default each library takes the whole machine.

With eight workers on eight CPUs that would be 64 threads, which wait for each other: eight small trainings on two
workers took 26.5 s, and 2.8 s with one thread each. So each worker gets a share. A library looks at its variable when
it is loaded; so they are set before anything is imported. What the user has set stays.

In threads of the engine's process it is too late for that, and the process is the application's. There OpenMP has its
share in each thread, and what holds for the whole process is set only if it is asked for
(:mod:`alexflow.executors.loaded_libraries`).
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

from alexflow.executors.cpus import cpus

#: Read by OpenMP (and with it torch, scikit-learn, Arrow), OpenBLAS, MKL, BLIS, Accelerate, numexpr, numba, polars,
#: tensorflow.
VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "TF_NUM_INTRAOP_THREADS"),
)

#: Those that look at OMP_NUM_THREADS if there is none of their own.
_LOOK_AT_OMP = frozenset(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS"))

#: How long OpenBLAS's threads turn in circles when they have nothing to do, as a power of two of clock cycles: a third
#: of a millisecond. By default it is 2**26: after a task with two cpus they took one of another task for some 20 ms.
_OPENBLAS_TIMEOUT = ("OPENBLAS_THREAD_TIMEOUT", "20")

#: What an engine has given its workers, so that an engine in one of them shares that and not the machine.
SHARE_VARIABLE = "ALEXFLOW_THREADS"


#: The environment in which libraries that are loaded start no thread, but for those that can do nothing about it: their
#: number of threads can be set later. (The last one is that of the allocator in Arrow.)
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", *sorted(_LOOK_AT_OMP)), "1"),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}

#: The variable that a library follows, by threadpoolctl's name for its kind.
_VARIABLE_OF = {
    **{"openmp": "OMP_NUM_THREADS", "openblas": "OPENBLAS_NUM_THREADS", "mkl": "MKL_NUM_THREADS"},
    **{"blis": "BLIS_NUM_THREADS", "flexiblas": "OPENBLAS_NUM_THREADS"},
}


def share_of(workers: int, environment: Mapping[str, str] = os.environ) -> int:
    """Return the threads of each of so many workers, at least 1: a share of this machine, or of an outer engine's."""
    return max(1, (own_share(environment) or cpus()) // workers)


def apply_thread_share(threads: int, environment: MutableMapping[str, str] = os.environ) -> None:
    """Set the number of threads that libraries start which are loaded from now on.

    Args:
        threads: how many; 0 leaves them alone.
        environment: where to say it. What is set there already stays, unless it is what an outer engine has given.
    """
    if threads:
        given = environment.get(SHARE_VARIABLE)
        of_user = {name for name in VARIABLES if environment.get(name) not in (None, given)}
        if "OMP_NUM_THREADS" in of_user:
            of_user |= _LOOK_AT_OMP
        for name in VARIABLES:
            if name not in of_user:
                environment[name] = str(threads)
        environment[SHARE_VARIABLE] = str(threads)
        environment.setdefault(*_OPENBLAS_TIMEOUT)


def is_bounded(environment: Mapping[str, str]) -> bool:
    """Whether an environment says how many threads libraries start."""
    return all(_said(environment, variable) for variable in _VARIABLE_OF.values())


def share_among_loaded(environment: Mapping[str, str]) -> None:
    """Give libraries that were loaded with one thread as many as an environment says."""
    if max(_threads(environment, variable) for variable in ONE_THREAD) > 1:
        _bound_loaded(environment)


def own_share(environment: Mapping[str, str] = os.environ) -> int:
    """Return the share that this process was given; 0 if none."""
    given = environment.get(SHARE_VARIABLE, "")
    return int(given) if given.isdigit() else 0


class ThreadShare:
    """The number of threads that libraries start in this process for what it does next.

    Attributes:
        now: the number for the last job; 0 for the process's own.
    """

    def __init__(self) -> None:
        self._own = own_share()
        self.now = 0
        self._has_warned = False

    def change(self, threads: int) -> bool:
        """Set the number, also in libraries that are loaded. Return whether it was different.

        A library that reads its variable only when it is loaded (polars, numba, tensorflow) keeps its number.

        Args:
            threads: how many; 0 for the share that this process was given.
        """
        if threads == self.now:
            return False
        self.now = threads
        apply_thread_share(threads or self._own)
        _bound_loaded(os.environ)
        if threads > 1 and not self._has_warned and sys.platform == "linux" and not can_share_among_loaded(os.environ):
            self._has_warned = True
            _warn_of_loaded(threads)
        return True


def _bound_loaded(environment: Mapping[str, str]) -> None:
    """Bound the threads of libraries that are loaded. OpenMP has a number for each thread: the calling one's is set."""
    threads = {variable: _threads(environment, variable) for variable in ONE_THREAD}
    if (controllers := _controllers()) is not None:
        for library in controllers:
            most = threads[_VARIABLE_OF[library.internal_api]]
            if library.user_api == "blas":  # which starts no more than there are CPUs when it is loaded, either
                most = min(most, os.cpu_count() or most)
            library.set_num_threads(most)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads["OMP_NUM_THREADS"])
    if (numexpr := sys.modules.get("numexpr")) is not None:
        numexpr.set_num_threads(threads["NUMEXPR_NUM_THREADS"])


def bound_openmp(threads: int, environment: Mapping[str, str] = os.environ) -> None:
    """Bound the threads that OpenMP starts for the calling thread, unless the user has said how many in a variable."""
    is_users = environment.get("OMP_NUM_THREADS") not in (None, environment.get(SHARE_VARIABLE))
    controllers = None if is_users else _controllers()
    if controllers is not None:
        if (torch := sys.modules.get("torch")) is not None:
            torch.get_num_threads()  # which sets the number when torch is first asked in a thread
        for library in controllers:
            if library.user_api == "openmp":
                library.set_num_threads(threads)


def _warn_of_loaded(threads: int) -> None:
    import logging  # deferred: for the few workers without threadpoolctl

    logging.getLogger("alexflow").warning(
        "a task has %d CPUs, and numerical libraries that its worker has loaded keep their number of threads, as "
        "threadpoolctl is missing: pip install 'alexflow[threads]'",
        threads,
    )


def can_share_among_loaded(environment: Mapping[str, str]) -> bool:
    """Whether :func:`share_among_loaded` reaches all libraries that this process has loaded."""
    if max(_threads(environment, variable) for variable in ONE_THREAD) <= 1 or _controllers() is not None:
        return True
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        loaded = file.read()
    return not any(name in loaded for name in ("openblas", "libmkl", "libblis"))  # torch's own are set with it


def _said(environment: Mapping[str, str], variable: str) -> str:
    own = environment.get(variable, "")
    return own or (environment.get("OMP_NUM_THREADS", "") if variable in _LOOK_AT_OMP else "")


def _threads(environment: Mapping[str, str], variable: str) -> int:
    first = _said(environment, variable).partition(",")[0].strip()  # OpenMP may be given a number for each level
    return int(first) if first.isdigit() else 1


#: The controllers that were found last, by the number of modules that were loaded: to look through all libraries of a
#: process takes 150 ms with scikit-learn, and a worker that is forked from a server which has looked need not do so.
_found: dict[int, list[Any]] = {}


def _controllers() -> list[Any] | None:
    """Threadpoolctl's controllers of the libraries that are loaded; None without it."""
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        return None
    modules = len(sys.modules)
    found = _found.get(modules)
    if found is None:
        _found.clear()
        found = _found[modules] = threadpoolctl.ThreadpoolController().lib_controllers
    return found
