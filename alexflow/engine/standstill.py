"""Event loops that stand still while a run that was started in them lasts: in a cell of a notebook, in an async task.

Such a run has an engine of its own, in a thread of its own. The engines of the loop that waits for it cannot see that
one has come, so they are made to share their work before the loop stands still, as if they had seen it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet


class Sharing(Protocol):
    """A part of an engine that holds what it may make on its storage.

    Attributes:
        joined: whether it holds anything.
        alone: whether it holds everything.
    """

    joined: bool
    alone: bool

    def share(self) -> Coroutine[Any, Any, None]:
        """Hold no more than what is running."""
        ...


_engines: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakSet[Sharing]] = WeakKeyDictionary()


def note_at_work(engine: Sharing) -> None:
    """Note that an engine of the running loop holds something, of which it can let go without waiting."""
    _engines.setdefault(asyncio.get_running_loop(), WeakSet()).add(engine)


def share_before() -> None:
    """Have the engines of the running loop hold only what they run, since their loop is about to stand still."""
    try:
        engines = _engines.get(asyncio.get_running_loop(), ())
    except RuntimeError:  # of another library
        return
    for engine in list(engines):
        if engine.joined and engine.alone:
            sharing = engine.share()
            try:
                sharing.send(None)
            except StopIteration:
                continue
            sharing.close()  # it would have to wait
