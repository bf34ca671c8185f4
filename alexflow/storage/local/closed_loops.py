"""Leases of engines whose event loop is closed while they are open: they are let go of, though nobody has said so.

A loop that is closed drops its timers. So a timer that is never meant to come holds the only reference to an object,
and when that object goes the loop has been closed. This is what asyncio and uvloop have in common: neither tells.
"""

from __future__ import annotations

import asyncio
import weakref

from alexflow.storage.leases import Leases

_DAY = 86_400.0  # seconds

_guards: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, weakref.ref[_Guard]] = weakref.WeakKeyDictionary()


class _Guard:
    """Lives as long as its loop is open."""

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = weakref.ref(loop)
        self.leases: weakref.WeakSet[Leases] = weakref.WeakSet()
        self()

    def __call__(self) -> None:
        """Wait another day."""
        loop = self._loop()
        if loop is not None and not loop.is_closed():
            loop.call_later(_DAY, self)

    def __del__(self) -> None:
        for leases in list(self.leases):
            leases.rest()


def rest_when_closed(loop: asyncio.AbstractEventLoop, leases: Leases) -> None:
    """Call ``leases.rest()`` when the loop is closed, if they are still there."""
    reference = _guards.get(loop)
    guard = reference() if reference is not None else None
    if guard is None:
        guard = _Guard(loop)
        _guards[loop] = weakref.ref(guard)
    guard.leases.add(leases)
