"""The CPUs that this process may use: its affinity, and the quota of its control groups (containers)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

from alexflow.blocks_briefly import blocks_briefly
from alexflow.executors.control_groups import OWN, ROOT, directories, read


@blocks_briefly("once an engine")
def cpus(groups: str = ROOT, own: str = OWN) -> int:
    """Return the number of CPUs that this process may use, at least one.

    A quota of control groups counts as so many whole CPUs, rounded up: ``cpu.max`` of version 2, and
    ``cpu.cfs_quota_us`` of version 1, of its group and of all above it. A cpuset shows in the affinity.

    Args:
        groups: where control groups are.
        own: the file that lists those of this process.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *(math.ceil(quota) for quota in _quotas(groups, own))]))


def _quotas(root: str, own: str) -> Iterator[float]:
    """Yield the quota of each control group, in CPUs."""
    for version, directory in directories("cpu", root, own):
        if version == 2:
            limit, _, period = read(f"{directory}/cpu.max").partition(" ")
        else:
            limit, period = read(f"{directory}/cpu.cfs_quota_us"), read(f"{directory}/cpu.cfs_period_us")
        if limit.strip().isdigit() and period.strip().isdigit() and int(limit) and int(period):  # else "max", or -1
            yield int(limit) / int(period)
