"""The limit of open files of a process, and the permits under which some of them are open.

:mod:`alexflow.storage.permits` explains permits. This module needs no event loop, so worker processes can load it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

#: No program needs more; where there are more, programs that look at each possible descriptor take long.
MAX_DESCRIPTORS = 1 << 20


class Permit(Protocol):
    """One descriptor that is counted."""

    def claim(self) -> None:
        """Keep the permit until one more :meth:`release`."""

    def release(self) -> None:
        """Withdraw one claim; the permit is free after the last."""


#: The permit under which a file is being opened.
current: ContextVar[Permit | None] = ContextVar("permit", default=None)


def claimed() -> Permit | None:
    """The permit under which this is called, kept until its ``release``; None where nothing is counted."""
    permit = current.get()
    if permit is not None:
        permit.claim()
    return permit


def limit() -> int:
    """The number of descriptors that this process may have."""
    try:
        import resource  # deferred, here and below: a worker process may do without
    except ImportError:  # Windows
        return 512
    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], MAX_DESCRIPTORS)


@contextmanager
def raised_limit() -> Iterator[None]:
    """Raise the limit of descriptors to what the system allows, within a ``with`` block."""
    import resource

    number = resource.RLIMIT_NOFILE
    before = resource.getrlimit(number)
    raised = raise_limit()
    try:
        yield
    finally:
        if raised and resource.getrlimit(number) == raised:  # else the program has set another limit meanwhile
            resource.setrlimit(number, (before[0], raised[1]))


def raise_limit() -> tuple[int, int] | None:
    """Let this process have as many descriptors as the system allows; gives the limits, if they are other ones now."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return None
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    except (OSError, ValueError):  # the system refuses the limit that it reported
        return None
    return most, hard
