"""Events to whoever listens; costs nothing while nobody does."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from alexflow.executors.fault import fault_of
from alexflow.hooks import passes
from alexflow.logs import logger
from alexflow.record.events import EngineEvent, EventsDropped

#: Events kept for a reader that is slower than the engine; older ones are dropped, and it is told how many.
BACKLOG = 65536

Listener = Callable[[EngineEvent], None]


class Broadcast:
    """Hands events to listeners at once, and to readers as they come for them."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._closed = False
        self._readers: set[Reader] = set()

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def tell_lazily(self, make_event: Callable[[], EngineEvent]) -> None:
        """Hand over what ``make_event()`` gives, which is called only if anybody listens."""
        if self._listeners:
            self.tell(make_event())

    def tell(self, event: EngineEvent) -> None:
        """Hand an event to all listeners; one that raises is told no more."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except BaseException as error:  # the user's: the work does not depend on who watches it
                self._leave(listener)
                if passes(error):
                    raise
                fault = fault_of(error, travels=False)
                logger.error("a listener failed at %r and is told no more:\n%s", event, fault.traceback)

    def _leave(self, listener: Listener) -> None:
        for index, other in enumerate(self._listeners):
            if other is listener:  # not ==, which is the user's
                del self._listeners[index]
                return

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have a function called with every event, on the engine's loop; it must be quick. Returns how to stop it."""
        self._listeners.append(listener)
        return lambda: self._leave(listener)

    def read(self) -> AsyncIterator[EngineEvent]:
        """Events from now on, from this call on, until the engine is closed."""
        reader = Reader()
        stop = self.listen(reader.take)
        self._readers.add(reader)
        return self._read(reader, stop)

    async def _read(self, reader: Reader, stop: Callable[[], None]) -> AsyncIterator[EngineEvent]:
        try:
            while True:
                if not reader.waiting:
                    if self._closed:
                        return
                    await reader.wait()
                while reader.waiting:
                    yield reader.next()
        finally:
            stop()
            self._readers.discard(reader)

    def open(self) -> None:
        """There will be events."""
        self._closed = False

    def close(self) -> None:
        """There will be no more events."""
        self._closed = True
        for reader in self._readers:
            reader.wake()


class Reader:
    """A bounded backlog of events for one reader."""

    def __init__(self) -> None:
        self.waiting: deque[EngineEvent] = deque()
        self._dropped = 0
        self._arrived = asyncio.Event()

    def take(self, event: EngineEvent) -> None:
        if len(self.waiting) >= BACKLOG:
            self.waiting.popleft()
            self._dropped += 1
        self.waiting.append(event)
        self._arrived.set()

    def wake(self) -> None:
        self._arrived.set()

    async def wait(self) -> None:
        self._arrived.clear()
        await self._arrived.wait()

    def next(self) -> EngineEvent:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            return EventsDropped(dropped)
        return self.waiting.popleft()
