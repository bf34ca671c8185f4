"""Sockets between the engine, the fork server and workers, with explicit blocking modes.

``socket.setdefaulttimeout()`` changes every socket that is made later, down to its descriptor, which another process
then finds non-blocking. An application may call it, a task may, and so may ``sitecustomize``. So nothing here relies on
what a new socket is like.
"""

from __future__ import annotations

import socket


def new_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets: the engine's end, and the one to be handed on."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(True)
    return ours, theirs


def received(descriptor: int) -> socket.socket:
    """Return the end that another process has handed on; it blocks."""
    end = socket.socket(fileno=descriptor)
    end.setblocking(True)
    return end
