"""The supply of an engine on this machine: the CPUs, memory and devices that its tasks may claim."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from alexflow.blocks_briefly import blocks_briefly
from alexflow.executors.capacity import Capacity, Device, Supply
from alexflow.executors.control_groups import limits_of_memory
from alexflow.executors.cpus import cpus
from alexflow.executors.library_threads import own_share
from alexflow.executors.workers import Workers
from alexflow.model.resource_spec import WHOLE


def make_capacity(workers: Workers, devices: Mapping[str, Sequence[Device]] | None) -> Capacity:
    """Return the capacity of an engine.

    Args:
        workers: how many jobs executors run at once, and with how many threads; settled.
        devices: those that it may use, by kind; None for the GPUs that are found when a task asks for one.
    """
    places = workers.count or 1
    share = own_share() or cpus()
    fair = max(1, share * WHOLE // places)
    ordinary = min(fair, workers.threads * WHOLE) if workers.threads else fair

    def survey() -> Supply:
        if devices is not None:
            return Supply(share, memory(), devices)
        from alexflow.executors.devices import SEARCHED, find_gpus  # deferred: for tasks that ask for something

        return Supply(share, memory(), {"gpu": find_gpus()}, SEARCHED)

    return Capacity(survey, places, ordinary)


@blocks_briefly("once an engine, if a task asks for something")
def memory() -> int:
    """Return the bytes of memory that this process may use: the machine's, or what its control groups allow."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):  # it does not say
        machine = 0
    limits = [limit for limit in (machine, *limits_of_memory()) if limit > 0]
    return min(limits) if limits else 0
