"""Streams: outputs that are read while their tasks still append to them.

All readers of an output in one engine share a follower, which requests the output, as a load does, and follows the file
of its parts meanwhile (:mod:`alexflow.storage.local.appended_file`), whatever makes it: a task on the loop, in a thread
or a worker process of this engine, or another engine. What counts in the end is the published value. Parts that do not
belong to it, because their attempt failed or another was published first, are void: the next part is the first of a new
epoch.

Rejected: parts through the engine's messages with its workers. They would reach this engine only, a reader that comes
late would need what has passed, and every process would keep it. Also rejected: to mark the epoch on each part. A
reader that did not look at it would join what does not belong together; an exception cannot be overlooked.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack, suppress
from typing import Any, Generic, Self

from alexflow.blocks_briefly import blocks_briefly
from alexflow.engine.background import Background
from alexflow.engine.file_watch import FileWatch
from alexflow.errors import EngineClosed, StreamRestarted
from alexflow.hooks import hook_failed, passes
from alexflow.model import Output
from alexflow.storage import Storage
from alexflow.storage.appended_place import AppendedPlace
from alexflow.storage.files import open_above
from alexflow.storage.local.appended_file import is_at_work, prepare, sweep_place
from alexflow.storage.part_codec import PartCodec
from alexflow.type_vars import T

#: What is read of a file in one go, and at most between two turns of the event loop.
READ_BYTES, TURN_BYTES = 256 * 1024, 1024 * 1024

#: Seconds after which a reader has left whose waiting for a part was cancelled, unless it asks for another. A response
#: of Starlette whose client hangs up is in a circle of references with its CancelledError: only the collector ends it.
LEAVES_AFTER = 1.0

#: Requests an output and returns its value.
Load = Callable[[Output[Any]], Coroutine[Any, Any, Any]]


class OutputStream(AsyncIterator[T], Generic[T]):
    """One reader's way through the parts of an output.

    Attributes:
        epoch: the number of the attempt, as this reader counts them, that the last part is of; from 1 on.
    """

    def __init__(self, streams: Streams, output: Output[Any], load: Load):
        self._streams = streams
        self._output = output
        self._load = load
        self._follower: Follower | None = None
        self._next = 0
        self._seen = 0  # the follower's epoch; none of them
        self._leaving: asyncio.TimerHandle | None = None
        self.epoch = 1

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        self._stay()
        if self._follower is None:
            self._follower = self._streams.join(self._output, self._load)
        follower = self._follower
        while True:
            if self._seen != follower.epoch:
                self._seen = follower.epoch
                had, self._next = self._next, 0
                if had:
                    self.epoch += 1
                    raise StreamRestarted(
                        f"{self._output.key} is made once more, from its beginning; forget its parts, and iterate on"
                    )
            if self._next < len(follower.parts):
                part: T = follower.parts[self._next]
                self._next += 1
                return part
            if follower.error is not None:
                raise follower.error.with_traceback(None)  # other readers raise the same
            if follower.is_over:
                raise StopAsyncIteration
            change = self._streams.loop.create_future()  # an Event takes a quarter longer for each reader and part
            follower.awaited[change] = None
            try:
                await change
            except asyncio.CancelledError:
                follower.awaited.pop(change, None)
                self._leaving = self._streams.loop.call_later(LEAVES_AFTER, _leave, weakref.ref(self))
                raise

    async def aclose(self) -> None:
        """Leave. The work is stopped if no other request wants it."""
        self._leave()

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None

    def _leave(self) -> None:
        self._stay()
        self._seen = 0  # if it comes back, the parts that it has may be of another attempt
        follower, self._follower = self._follower, None
        if follower is not None:
            self._streams.leave(follower)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._leave()

    def __del__(self) -> None:
        # nothing is called when an `async for` is left
        if self._follower is not None:
            with suppress(RuntimeError):  # the loop is closed
                self._streams.loop.call_soon_threadsafe(self._streams.leave, self._follower)


def _leave(reader: weakref.ref[Any]) -> None:
    stream = reader()
    if stream is not None:
        stream._leave()


class Streams:
    """The outputs of one engine that are being streamed.

    Args:
        storage: holds the outputs.
        background: where they are followed.
    """

    def __init__(self, storage: Storage, background: Background):
        self._storage = storage
        self._background = background
        self.loop = asyncio.get_running_loop()
        self._followers: dict[str, Follower] = {}
        self._count = 0
        self._watch: FileWatch | None = None

    def join(self, output: Output[Any], load: Load) -> Follower:
        """Add a reader to an output."""
        follower = self._followers.get(output.key)
        if follower is None or follower.is_over:
            place = self._storage.appended_place(output.key)
            if self._watch is None:
                self._watch = FileWatch(self.loop)
                sweep_place(place)
            self._count += 1
            follower = Follower(output, load, place, self._watch)
            self._followers[output.key] = follower
            follower.task = self._background.spawn(follower.follow)
            follower.task.add_done_callback(lambda _: self._over(follower))
        follower.readers += 1
        return follower

    def leave(self, follower: Follower) -> None:
        """Withdraw a reader; the last one takes the request with it."""
        follower.readers -= 1
        if not follower.readers and not follower.is_over and follower.task is not None:
            if self._followers.get(follower.key) is follower:
                del self._followers[follower.key]
            follower.task.cancel()

    def _over(self, follower: Follower) -> None:
        follower.end(EngineClosed("the engine was closed while this was streamed"))  # if it is not over yet
        if self._followers.get(follower.key) is follower:
            del self._followers[follower.key]
        self._count -= 1
        if not self._count and self._watch is not None:
            self._watch.close()
            self._watch = None


class Follower:
    """One output, followed for all of its readers.

    Args:
        output: the output.
        load: requests it.
        place: the place of the file of its parts.
        watch: reports changes.

    Attributes:
        parts: those of this epoch.
        epoch: the number of the attempt that they are of.
        is_over: whether there will be no more.
        error: the error with which it ended.
        awaited: by readers, each its own: done when there is something new.
        readers: how many there are.
        task: what follows.
    """

    def __init__(self, output: Output[Any], load: Load, place: AppendedPlace, watch: FileWatch):
        self.key = output.key
        self._output = output
        self._load = load
        self._place = place
        self._watch = watch
        self.parts: list[Any] = []
        self.epoch = 1
        self.is_over = False
        self.error: BaseException | None = None
        self.awaited: dict[asyncio.Future[None], None] = {}
        self.readers = 0
        self.task: asyncio.Task[None] | None = None
        self._codec = self._new_codec()
        self._fd = -1
        self._identity: tuple[int, int] | None = None  # of the file
        self._end_watch: Callable[[], None] = lambda: None

    def _new_codec(self) -> PartCodec:
        try:
            return self._output.part_codec()
        except BaseException as error:
            hook_failed(self._output, "part_codec()", error)

    async def follow(self) -> None:
        """Request the output, and take its parts until it is there."""
        try:
            with ExitStack() as used:
                loading = asyncio.ensure_future(self._load(self._output))
                used.callback(loading.cancel)
                used.callback(self._close)
                await self._follow_file(loading, used)
                self._finish(await loading)
        except BaseException as error:
            if passes(error):
                raise
            self.end(error)

    async def _follow_file(self, loading: asyncio.Future[Any], used: ExitStack) -> None:
        await asyncio.sleep(0)
        if loading.done():  # it exists, on this machine
            return
        noticed = asyncio.Event()
        loading.add_done_callback(lambda _: noticed.set())
        prepare(self._place)
        used.callback(self._watch.name(self._place.directory, self._place.name, noticed.set))
        while not loading.done():
            noticed.clear()
            if self._take_new(noticed.set):
                await asyncio.sleep(0)  # there is more
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._watch.look_every):
                    await noticed.wait()

    @blocks_briefly("reads from the page cache what has just been written")
    def _take_new(self, notice: Callable[[], None]) -> bool:
        """Take what is new in the file. Returns whether there may be more."""
        self._look_for_file(notice)
        taken = 0
        while self._fd >= 0 and taken < TURN_BYTES:
            data = os.read(self._fd, READ_BYTES)
            if not data:
                return False
            taken += len(data)
            self._add(self._codec.decode(data))
        return taken > 0

    def _look_for_file(self, notice: Callable[[], None]) -> None:
        """Open the file if it is another one: each attempt makes its own."""
        try:
            status = os.stat(self._place.path)
        except OSError:
            return  # it has not been made yet, or is gone
        if (status.st_dev, status.st_ino) == self._identity:
            return
        try:
            fd = open_above(self._place.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return
        status = os.fstat(fd)
        if not is_at_work(fd):  # left behind by a dead process, or complete
            os.close(fd)
            return
        self._close()
        self._fd, self._identity = fd, (status.st_dev, status.st_ino)
        self._end_watch = self._watch.file(self._place.path, notice)
        self._codec = self._new_codec()
        self._begin()

    def _begin(self) -> None:
        """Begin a new epoch, unless nothing was given in the last one."""
        if self.parts:
            self.epoch += 1
            self.parts = []
            self._tell()

    def _add(self, parts: list[Any]) -> None:
        if parts:
            self.parts += parts
            self._tell()

    def _tell(self) -> None:
        awaited, self.awaited = self.awaited, {}
        for change in awaited:
            if not change.done():  # a reader that is cancelled has not left yet
                change.set_result(None)

    def _finish(self, value: Any) -> None:
        """Add what is missing of the whole value."""
        rest = self._codec.rest(value, self.parts)
        if rest is None:  # the parts were of another attempt
            self._begin()
            rest = self._codec.split(value)
        self.parts += rest
        self.is_over = True
        self._tell()

    def end(self, error: BaseException) -> None:
        """Let readers know that there will be no more, unless they do already."""
        if not self.is_over:
            self.is_over = True
            self.error = error
            self._tell()

    def _close(self) -> None:
        if self._fd >= 0:
            self._end_watch()
            os.close(self._fd)
            self._fd = -1
