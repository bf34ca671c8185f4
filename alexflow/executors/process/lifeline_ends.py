"""The engine's ends of lifelines, and what becomes of them in a process that the application forks.

A process that holds the write end keeps the workers alive. A forked child of the application inherits it, so the
workers would outlive a killed engine; the child therefore closes it immediately.
"""

from __future__ import annotations

import os

_held: set[int] | None = None  # a set once there has been one


def hold(fd: int) -> None:
    """Register a descriptor as the engine's end of a lifeline."""
    global _held
    if _held is None:  # not when this is imported: a process without workers is left as it is
        _held = set()
        os.register_at_fork(after_in_child=_let_go_of_all)
    _held.add(fd)


def let_go(fd: int) -> None:
    """Close it, which ends the process that depends on it."""
    if _held is not None and fd in _held:  # else this is a fork, in which the number may mean something else by now
        _held.discard(fd)
        os.close(fd)


def _let_go_of_all() -> None:
    held = _held or set()
    while held:
        os.close(held.pop())
