"""The worker's end of the data channel."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from alexflow.executors.process.wire.messages import Revoke, TaskReply, frame
from alexflow.executors.process.worker.inbox import Inbox


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Inbox]]:
    engine, worker = socket.socketpair()
    with engine, worker:
        yield engine, Inbox(worker)


def test_whether_something_has_come_is_seen_without_waiting(ends):
    engine, incoming = ends
    assert not incoming.has_more()
    engine.sendall(frame(TaskReply([], 1, ["first"])) + frame(TaskReply([], 2, ["second"])))
    for cls in (1, 2):
        assert incoming.has_more()
        assert incoming.receive().cls == cls
    assert not incoming.has_more()


def test_a_part_of_a_message_is_more(ends):
    engine, incoming = ends
    data = frame(TaskReply([], 1, ["x" * 100]))
    engine.sendall(data[:6])
    assert incoming.has_more()
    engine.sendall(data[6:])
    assert incoming.receive().fields == ["x" * 100]


def test_the_end_is_more_and_stays(ends):
    engine, incoming = ends
    engine.sendall(frame(Revoke()))
    engine.close()
    assert isinstance(incoming.receive(), Revoke)
    assert incoming.has_more()
    assert incoming.has_more()
    assert incoming.receive() is None


def test_an_end_with_something_unread_is_the_end(ends):
    engine, incoming = ends
    incoming._channel.sendall(b"what the engine has not read")
    engine.close()
    assert incoming.has_more()
    assert incoming.receive() is None
