"""Moments of another machine's clock, as those of this one's."""

import socket

import pytest

from alexflow.cluster.connection import AgentConnection
from alexflow.cluster.line import AgentLine
from alexflow.cluster.messages import Introduction
from alexflow.cluster.remote_clock import RemoteClock


@pytest.fixture
def clock() -> RemoteClock:
    """A clock that is 1,000 seconds behind, of which one message took 20 ms."""
    clock = RemoteClock()
    clock.compare(5.0, 1_005.02)
    return clock


def test_what_the_first_message_says(clock: RemoteClock) -> None:
    assert clock.here(5.0) == pytest.approx(1_005.02)


def test_a_quicker_message_is_nearer(clock: RemoteClock) -> None:
    clock.compare(6.0, 1_006.001)
    assert clock.here(5.0) == pytest.approx(1_005.001)


def test_one_that_was_held_up_says_nothing(clock: RemoteClock) -> None:
    clock.compare(6.0, 1_009.0)
    assert clock.here(5.0) == pytest.approx(1_005.02)


def test_its_machine_was_suspended(clock: RemoteClock) -> None:
    clock.compare(6.0, 4_606.01)  # for an hour
    assert clock.here(6.0) == pytest.approx(4_606.01)
    clock.compare(7.0, 4_607.0)
    assert clock.here(7.0) == pytest.approx(4_607.0)


def test_this_machine_was_suspended(clock: RemoteClock) -> None:
    clock.compare(3_605.0, 1_006.0)
    assert clock.here(3_605.0) == pytest.approx(1_006.0)


@pytest.mark.anyio
@pytest.mark.parametrize(("host", "compares"), [(socket.gethostname(), False), ("elsewhere", True)])
async def test_the_clock_of_the_engines_machine_is_not_compared(host: str, compares: bool) -> None:
    introduction = Introduction(b"", b"", "agent", host, 1, 1, "", "", 1, 0, {})
    line = AgentLine(lambda line, frame: None, lambda line, why: None)
    agent = AgentConnection(line, introduction, None, lambda _: None, lambda _, found: None, lambda: None)
    assert (agent.clock is not None) == compares
