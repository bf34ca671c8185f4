"""Remote storages from threads and worker processes: an event loop in the background, one for a process.

It is started at first use; a forked child starts its own. A blocking call waits for the same
requests that the event loop would make, with the same deadlines.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from alexflow.type_vars import T

SECONDS_TO_CLOSE = 1.0  # at the interpreter's end

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, done in the background while this thread waits."""
    future = begin(work)
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def begin(work: Coroutine[Any, Any, T]) -> Future[T]:
    """Begin ``work`` in the background, while this thread goes on."""
    return asyncio.run_coroutine_threadsafe(work, _background())


def is_event_loop_here() -> bool:
    """Whether this is an event loop's thread, which is not to wait."""
    return asyncio._get_running_loop() is not None


def _background() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="alexflow-storage", daemon=True).start()
            atexit.register(_close, _loop)
        return _loop


def _close(loop: asyncio.AbstractEventLoop) -> None:
    if loop is _loop:  # a forked child has none of the threads of its parent
        try:
            asyncio.run_coroutine_threadsafe(_end(), loop).result(SECONDS_TO_CLOSE)
        except Exception:  # the connections end with the process
            pass


async def _end() -> None:
    """Close what is open; a connection whose storage has just gone is being closed already."""
    under_way = asyncio.all_tasks() - {asyncio.current_task()}
    if under_way:
        _, late = await asyncio.wait(under_way, timeout=SECONDS_TO_CLOSE / 2)
        for each in late:
            each.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


def _forget() -> None:
    global _loop, _lock
    _lock = threading.Lock()
    _loop = None


os.register_at_fork(after_in_child=_forget)
