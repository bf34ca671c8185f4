"""How many files a process may have open, and the permits under which some of them are.

:mod:`alexflow.storage.permits` says what a permit is for. This part is without an event loop, for worker processes.
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
        """It is kept until there has been one more :meth:`release`."""

    def release(self) -> None:
        """It is not needed any more, by one of those who needed it."""


#: The permit under which a file is being opened.
current: ContextVar[Permit | None] = ContextVar("permit", default=None)


def claimed() -> Permit | None:
    """The permit under which this is called, kept until its ``release``; None where nothing is counted."""
    permit = current.get()
    if permit is not None:
        permit.claim()
    return permit


def limit() -> int:
    """How many descriptors this process may have."""
    try:
        import resource  # deferred, here and below: a worker process may do without
    except ImportError:  # Windows
        return 512
    return min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], MAX_DESCRIPTORS)


@contextmanager
def raised_limit() -> Iterator[None]:
    """As many descriptors as the system allows, meanwhile."""
    import resource

    number = resource.RLIMIT_NOFILE
    before = resource.getrlimit(number)
    raised = raise_limit()
    try:
        yield
    finally:
        if raised and resource.getrlimit(number) == raised:  # else somebody has made up his mind meanwhile
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
    except (OSError, ValueError):  # a system that has another idea of what is allowed
        return None
    return most, hard
