"""A line through the cluster, for an agent that cannot dial its engine.

The agent dials its pilot, and the executor dials itself: what one end says is carried to the other by whatever leads
from the engine to the pilot, which is the scheduler of Dask or an actor's calls. So line, proof, TLS and signs of life
are the same as for an agent that dials, and neither end sees the difference, but for the milliseconds that a message
takes.

Bytes are asked for by the executor, and come when there are some: a call at a time each way, which keeps the order, and
in which all goes that has gathered meanwhile.
"""

from __future__ import annotations

import asyncio
import select
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

from alexflow.cluster.address import address_of, host_and_port

#: What the executor calls: see :meth:`TunnelExit.take` and :meth:`TunnelExit.give`.
Take: TypeAlias = Callable[[], Awaitable[bytes | None]]
Give: TypeAlias = Callable[[bytes], Awaitable[bool]]

#: Seconds that a pilot gives the engine's address to answer.
DIAL_TIMEOUT = 5.0

#: Bytes that a call carries at most.
BYTES_AT_ONCE = 4 * 2**20

#: Seconds after which a call for bytes is answered though there are none.
TAKE_TIMEOUT = 5.0

#: Seconds without a first call after which the pilot's end takes the executor for gone. Later on the line's own signs
#: of life are missed.
UNUSED_TIMEOUT = 10.0

#: Seconds that the agent gets to dial, once the executor has called.
AGENT_TIMEOUT = 10.0


def can_dial(address: str) -> bool:
    """Return whether something answers at an engine's address; blocks."""
    try:
        socket.create_connection(host_and_port(address) or ("", 0), DIAL_TIMEOUT).close()
    except OSError:
        return False
    return True


class TunnelExit:
    """The end at the pilot, which its agent dials. Its methods block, and are called in threads.

    Attributes:
        address: which the agent dials.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(AGENT_TIMEOUT)
        self._connected, self._is_used = threading.Event(), threading.Event()
        self._line: socket.socket | None = None
        self.address = address_of(*self._listening.getsockname())
        threading.Thread(target=self._accept, daemon=True).start()

    def is_used(self) -> bool:
        """Return whether the executor has called, after a wait: what cannot be dialled may also be gone."""
        return self._is_used.wait(UNUSED_TIMEOUT)

    def take(self) -> bytes | None:
        """Return what the agent has said, waiting for it a little; b"" if that is nothing, None when it has ended."""
        line = self._wait_for_agent()
        if line is None:
            return None
        try:
            look = select.poll()
            look.register(line, select.POLLIN)
            if not look.poll(TAKE_TIMEOUT * 1000):
                return b""
            return line.recv(BYTES_AT_ONCE) or None
        except (OSError, ValueError):  # it has been closed
            return None

    def give(self, data: bytes) -> bool:
        """Say this to the agent; b"" ends its line. Return whether it is there."""
        line = self._wait_for_agent()
        if line is None:
            return False
        try:
            if data:
                line.sendall(data)
            else:
                self.close()
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End the line."""
        self._listening.close()
        if self._line is not None:
            with suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        if self.is_used():
            with suppress(OSError):
                self._line, _ = self._listening.accept()
                self._line.settimeout(None)
        self._connected.set()

    def _wait_for_agent(self) -> socket.socket | None:
        self._is_used.set()
        self._connected.wait(AGENT_TIMEOUT)
        return self._line


class Tunnel:
    """The end at the engine: carries bytes between the executor's own socket and a pilot, until either ends.

    Args:
        address: on which the executor listens.
        take: asks the pilot for bytes; see :meth:`TunnelExit.take`.
        give: hands it bytes; see :meth:`TunnelExit.give`.
    """

    def __init__(
        self,
        address: tuple[str, int],
        take: Take,
        give: Give,
    ):
        self._address = address
        self._take = take
        self._give = give

    async def carry(self) -> None:
        """Carry all that is said.

        Raises:
            Exception: the cluster carries no more.
        """
        reader, writer = await asyncio.open_connection(*self._address)
        up = asyncio.ensure_future(self._up(writer))
        down = asyncio.ensure_future(self._down(reader))
        try:
            done, _ = await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in (up, down):
                each.cancel()
            writer.transport.abort()
            await asyncio.gather(up, down, return_exceptions=True)

    async def _up(self, writer: asyncio.StreamWriter) -> None:
        while (data := await self._take()) is not None:
            writer.write(data)
            await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def _down(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(BYTES_AT_ONCE):
            if not await self._give(data):
                return
        await self._give(b"")
