"""The CPUs that this process may use: its affinity, and the quota of its control groups (containers)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

from alexflow.blocks_briefly import blocks_briefly

_ROOT = "/sys/fs/cgroup"
_OWN = "/proc/self/cgroup"


@blocks_briefly("once an engine")
def cpus(groups: str = _ROOT, own: str = _OWN) -> int:
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
    for line in _read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for directory in _and_above(root, path):
                limit, _, period = _read(f"{directory}/cpu.max").partition(" ")
                yield from _quota(limit, period)
        elif "cpu" in controllers.split(","):
            for name in (controllers, "cpu"):
                for directory in _and_above(f"{root}/{name}", path):
                    limit, period = _read(f"{directory}/cpu.cfs_quota_us"), _read(f"{directory}/cpu.cfs_period_us")
                    yield from _quota(limit, period)


def _quota(limit: str, period: str) -> Iterator[float]:
    if limit.strip().isdigit() and period.strip().isdigit() and int(limit) and int(period):  # else "max", or -1
        yield int(limit) / int(period)


def _and_above(root: str, path: str) -> Iterator[str]:
    """A group's directory and those above it; in a container the path may be the host's, and only the root is seen."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts), -1, -1):
        yield "/".join([root, *parts[:count]])


@blocks_briefly("once an engine")
def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
