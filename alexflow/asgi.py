"""Work for a web request that ends when its client hangs up: ``while_connected``.

Servers do not cancel the handler of a client that has gone: by the ASGI specification it receives ``http.disconnect``,
if it asks. So most handlers go on, and what they asked for is computed for nothing, before what others wait for.

The work runs in the handler's own task, which is cancelled from outside, as by :func:`asyncio.timeout`: work that need
not wait, as for a value that exists, costs no task and no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from inspect import isawaitable
from typing import Any, Protocol, cast

from alexflow.errors import AlexflowError, DefinitionError
from alexflow.hooks import passes, repr_of, text_of
from alexflow.logs import logger
from alexflow.type_vars import T

__all__ = ["ClientGone", "while_connected"]

#: Messages that say that a client has gone.
GONE = frozenset({"http.disconnect", "websocket.disconnect"})

#: Gives the next message of a request.
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientGone(AlexflowError):
    """The client of a request has closed its connection, so there is no need for an answer."""


class HasReceive(Protocol):
    """A request of Starlette, FastAPI or Litestar."""

    @property
    def receive(self) -> Receive:
        """Gives the next message."""
        ...


async def while_connected(request: HasReceive | Receive, work: Awaitable[T]) -> T:
    """Await ``work`` as long as the client of a request is connected, and cancel it then.

    ::

        @app.get("/reports/{customer}")
        async def report(customer: str, request: Request):
            return await while_connected(request, engine.load(Report(customer).output()))

    A body has to be read before: the messages of the request are consumed.

    Args:
        request: a request of Starlette, FastAPI or Litestar, or the ``receive`` of an ASGI application.
        work: what is awaited, such as ``engine.load(output)``.

    Raises:
        ClientGone: the client has closed its connection.
        DefinitionError: ``request`` or ``work`` is something else.
    """
    receive = getattr(request, "receive", request)
    if not isawaitable(work):
        raise DefinitionError(
            f"while_connected takes work that can be awaited, such as engine.load(output), not {repr_of(work)}"
        )
    if not callable(receive):
        if asyncio.iscoroutine(work):
            work.close()
        raise DefinitionError(
            f"while_connected takes a request that has `receive`, as those of Starlette, FastAPI and Litestar have, "
            f"not {repr_of(request)}; aiohttp cancels handlers itself: web.run_app(…, handler_cancellation=True)"
        )
    watch = _Watch(cast(Receive, receive))
    watch.begin_soon()
    try:
        return await work
    except asyncio.CancelledError:
        if watch.takes_back_cancellation():
            raise ClientGone("the client has closed its connection") from None
        raise
    finally:
        watch.end()


class _Watch:
    """Cancels the current task when a client has gone.

    Args:
        receive: gives the next message of the request.
    """

    def __init__(self, receive: Receive):
        self._receive = receive
        task = asyncio.current_task()
        assert task is not None  # for type checkers: there is one in any coroutine
        self._task = task
        self._cancelling = task.cancelling()
        self._has_gone = False
        self._watching: asyncio.Task[None] | None = None
        self._begin: asyncio.Handle | None = None

    def begin_soon(self) -> None:
        """Watch from the loop's next turn on: if there is one before the work is done."""
        self._begin = asyncio.get_running_loop().call_soon(self._start)

    def _start(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        is_whole = False  # the request
        try:
            while (message := await self._receive())["type"] not in GONE:
                if is_whole and message["type"] == "http.request":  # a middleware gives the body again and again
                    logger.debug("the client of a request cannot be watched: its body comes once more")
                    return
                is_whole = is_whole or (message["type"] == "http.request" and not message.get("more_body"))
        except BaseException as error:  # of the server or a middleware: without its messages the work just goes on
            if passes(error):
                raise
            logger.debug("the client of a request cannot be watched: %s", text_of(error))
            return
        self._has_gone = True
        self._task.cancel()

    def takes_back_cancellation(self) -> bool:
        """Take back the cancellation because of the client. Returns whether there was one, and no other."""
        if not self._has_gone:
            return False
        self._has_gone = False
        return self._task.uncancel() <= self._cancelling

    def end(self) -> None:
        """Watch no longer."""
        self.takes_back_cancellation()  # the work has made another error of it
        if self._begin is not None:
            self._begin.cancel()
        if self._watching is not None:
            self._watching.cancel()
