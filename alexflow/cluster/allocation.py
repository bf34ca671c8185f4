"""The time that a batch system, or the user, leaves an agent on its machine."""

from __future__ import annotations

from collections.abc import Mapping

#: Seconds before the end of an allocation at which an agent takes no more jobs.
LEAVE_BEFORE_END = 60.0

#: The variable in which Slurm says when an allocation ends, in seconds since 1970.
SLURM_END = "SLURM_JOB_END_TIME"


def time_left(given: float | None, environment: Mapping[str, str], now: float) -> float | None:
    """Return the seconds until this machine is taken away; None if that is not known.

    Args:
        given: what the user has said.
        environment: in which Slurm may say it.
        now: seconds since 1970.
    """
    if given is not None:
        return given
    end = environment.get(SLURM_END, "")
    return float(end) - now if end.isdigit() else None


def is_over(left: float | None) -> bool:
    """Whether an agent that has so many seconds left takes no more jobs."""
    return left is not None and left <= LEAVE_BEFORE_END
