"""Threads of numerical libraries in a process: by default each library takes the whole machine.

With eight workers on eight CPUs that would be 64 threads, which wait for each other: eight small trainings on two
workers took 26.5 s, and 2.8 s with one thread each. So each worker gets a share. A library looks at its variable when
it is loaded; so they are set before anything is imported. What the user has set stays.

In threads of the engine's process it is too late for that, and the process is the application's. There it is done if it
is asked for (:mod:`alexflow.executors.loaded_libraries`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

from alexflow.executors.cpus import cpus

#: Read by OpenMP (and with it torch, scikit-learn, Arrow), OpenBLAS, MKL, BLIS, Accelerate, numexpr, numba, polars,
#: tensorflow.
VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS", "TF_NUM_INTRAOP_THREADS"),
)

#: Those that look at OMP_NUM_THREADS if there is none of their own.
_LOOK_AT_OMP = frozenset(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS"))

#: What an engine has given its workers, so that an engine in one of them shares that and not the machine.
SHARE_VARIABLE = "ALEXFLOW_THREADS"


def share_of(workers: int, environment: Mapping[str, str] = os.environ) -> int:
    """Return the threads of each of so many workers, at least 1: a share of this machine, or of an outer engine's."""
    given = environment.get(SHARE_VARIABLE, "")
    return max(1, (int(given) if given.isdigit() else cpus()) // workers)


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
