"""Delivery of events to listeners and readers; it costs nothing without any."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from typing import Any

from alexflow.errors import DefinitionError
from alexflow.events.engine_events import EngineEvent, EventsDropped, TaskStarted, TaskSucceeded
from alexflow.executors.captured_error import capture_error
from alexflow.hooks import passes, repr_of
from alexflow.logs import logger

#: Events kept for a reader slower than the engine. Older ones are dropped and counted (:class:`EventsDropped`).
BACKLOG = 65536

Listener = Callable[[EngineEvent], None]


class Broadcast:
    """Passes events to listeners at once, and keeps them for readers until they take them."""

    def __init__(self) -> None:
        self._listeners: list[tuple[Listener, Collection[type[EngineEvent]] | None]] = []
        self._takers: dict[type[EngineEvent], tuple[Listener, ...]] = {}
        #: Whether there are listeners; an attribute, since it is looked at several times for each task.
        self.has_listeners = False
        #: Whether one of them takes the start or the success of each attempt; an attribute for the same reason.
        self.follows_attempts = False
        self._closed = False
        self._readers: set[Reader] = set()

    def emit_lazily(self, make_event: Callable[[], EngineEvent]) -> None:
        """Emit the event that ``make_event()`` returns; without listeners it is not called."""
        if self._listeners:
            self.emit(make_event())

    def emit(self, event: EngineEvent) -> None:
        """Pass an event to all listeners that take its kind. One that raises is removed."""
        kind = type(event)
        for listener in self._takers[kind] if kind in self._takers else self._takers_of(kind):
            try:
                listener(event)
            except BaseException as error:  # the user's: the work does not depend on its listeners
                self._leave(listener)
                if passes(error):
                    raise
                fault = capture_error(error, travels=False)
                logger.error("a listener failed at %r and gets no further events:\n%s", event, fault.traceback)

    def _takers_of(self, kind: type[EngineEvent]) -> tuple[Listener, ...]:
        takers = tuple([listener for listener, kinds in self._listeners if kinds is None or kind in kinds])
        self._takers[kind] = takers
        return takers

    def takes(self, kind: type[EngineEvent]) -> bool:
        """Return whether there is a listener that takes events of a kind: such that are dear are made only for it."""
        return self.has_listeners and bool(self._takers[kind] if kind in self._takers else self._takers_of(kind))

    def _leave(self, listener: Listener) -> None:
        for index, (other, _) in enumerate(self._listeners):
            if other is listener:  # not ==, which is the user's
                del self._listeners[index]
                self._have_changed()
                return

    def _have_changed(self) -> None:
        self._takers = {}
        self.has_listeners = bool(self._listeners)
        self.follows_attempts = self.takes(TaskStarted) or self.takes(TaskSucceeded)

    def listen(self, listener: Listener, kinds: Collection[type[EngineEvent]] | None = None) -> Callable[[], None]:
        """Call a function with every event, on the engine's loop; it must be quick. Returns a function to end this.

        Args:
            listener: the function.
            kinds: the classes of the events that it gets; None for all.

        Raises:
            DefinitionError: the listener is no function, or the kinds are no classes of events.
        """
        if not callable(listener):
            raise DefinitionError(f"listen takes a function of an event, not {repr_of(listener)}")
        self._listeners.append((listener, None if kinds is None else _checked(kinds)))
        self._have_changed()
        return lambda: self._leave(listener)

    def read(self) -> AsyncIterator[EngineEvent]:
        """Return the events from this call on, until the engine is closed."""
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
        """Allow readers to wait for events."""
        self._closed = False

    def close(self) -> None:
        """End all readers once they have read what is left."""
        self._closed = True
        for reader in self._readers:
            reader.wake()


def _checked(kinds: object) -> frozenset[type[EngineEvent]]:
    found: tuple[Any, ...] = (kinds,)
    if isinstance(kinds, Iterable) and not isinstance(kinds, str | type):
        found = tuple(kinds)
    if isinstance(kinds, type) or not all(isinstance(kind, type) and issubclass(kind, EngineEvent) for kind in found):
        raise DefinitionError(
            f"listen takes a set of classes of events, such as {{TaskSucceeded}}, not {repr_of(kinds)}"
        )
    return frozenset(found)


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
