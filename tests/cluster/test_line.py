"""Messages between engine and agent, over a socket of this machine: no process, no worker."""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from alexflow.cluster.agent import Agent
from alexflow.cluster.connection import AgentConnection, RemoteProcess
from alexflow.cluster.line import AgentLine
from alexflow.cluster.messages import (
    PROTOCOL,
    AreCold,
    Challenge,
    Echoed,
    Introduction,
    PauseEcho,
    Ping,
    StartWorker,
    Welcome,
    decode_first_from_agent,
    decode_for_agent,
    encode,
)
from alexflow.cluster.proof import new_nonce, new_token, proof
from alexflow.executors.process.channel import READING_SECONDS, ReadingSlice
from alexflow.executors.process.output_capture import Pausable
from tests.cluster.lines import TestEnd, line_to
from tests.cluster.waiting import until

pytestmark = pytest.mark.anyio

SILENCE = 0.2


async def test_the_seconds_that_an_end_takes_itself_are_no_silence_of_the_other():
    """An agent opens the storage before it gives signs of life, which may take longer than a line may be silent."""

    def opens_the_storage(line: AgentLine, _: bytes) -> None:
        over = time.monotonic() + 2 * SILENCE
        while time.monotonic() < over:
            pass
        line.keep_alive(SILENCE)

    async with line_to(AgentLine(opens_the_storage, lambda line, why: None)) as engine:
        engine.line.send_first(Challenge(PROTOCOL, b""))
        assert await engine.next(decode_for_agent) == [Ping()]  # and not the end


LINES = 20


async def test_one_turn_does_not_handle_the_frames_of_all_lines():
    slice, handled, by_turn = ReadingSlice(), [], []

    def takes_long(line: AgentLine, frame: bytes) -> None:
        handled.append((line, frame))
        over = time.monotonic() + 2 * READING_SECONDS
        while time.monotonic() < over:
            pass

    async with AsyncExitStack() as stack:
        lines = [AgentLine(takes_long, lambda line, why: None) for _ in range(LINES)]
        others = [await stack.enter_async_context(line_to(line)) for line in lines]
        for line, other in zip(lines, others, strict=True):
            line.slice = slice
            for number in range(2):
                other.line.send_first(AreCold([number]))
        while len(handled) < 2 * LINES:
            before = len(handled)
            await asyncio.sleep(0)
            by_turn.append(len(handled) - before)
        for line in lines:  # and what comes later is read as before
            assert [frame for of, frame in handled if of is line] == [encode(AreCold([number])) for number in range(2)]
        others[0].line.send_first(AreCold([2]))
        await until(lambda: len(handled) > 2 * LINES)
    assert max(by_turn) <= 4  # of a line that ends the slice, and of one that begins the next


class Terminal:
    """A terminal, as the engine has it, that is slow while a test says so."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, str]] = []
        self.is_slow = False
        self.paused: list[Pausable] = []

    def show(self, stream: int, text: str) -> None:
        self.shown.append((stream, text))

    def should_pause(self, reader: Pausable) -> bool:
        if self.is_slow:
            self.paused.append(reader)
        return self.is_slow


@asynccontextmanager
async def engine_side(terminal: Terminal, cold: list[bool]) -> AsyncIterator[tuple[AgentConnection, TestEnd]]:
    """An agent as its engine sees it, which is the test."""
    introduction = Introduction(b"", b"", "far", "far", 1, 2, "", "", 2, 0, {})
    made = asyncio.Event()
    line = AgentLine(lambda _, frame: agent.receive(frame), lambda line, why: None, lambda line: made.set())
    agent = AgentConnection(
        line, introduction, terminal, lambda agent: None, lambda *_: None, lambda: cold.append(True)
    )
    async with line_to(line) as end:
        await made.wait()
        yield agent, end


async def test_an_agent_reads_no_more_while_what_its_tasks_print_is_not_shown():
    terminal = Terminal()
    async with engine_side(terminal, []) as (agent, end):
        agent.receive(encode([Echoed(1, "quick")]))
        terminal.is_slow = True
        agent.receive(encode([Echoed(1, "slow"), Echoed(2, "still on its way")]))
        assert await end.next(decode_for_agent) == [PauseEcho(True)]  # once
        assert terminal.paused == [agent]
        terminal.is_slow = False
        terminal.paused[0].resume_reading()
        assert await end.next(decode_for_agent) == [PauseEcho(False)]
        terminal.is_slow = True
        agent.receive(encode([Echoed(1, "again")]))
        assert await end.next(decode_for_agent) == [PauseEcho(True)]
    assert terminal.shown == [(1, "quick"), (1, "slow"), (2, "still on its way"), (1, "again")]


async def test_workers_that_an_agent_calls_cold_are_named_once_to_the_pool():
    cold: list[bool] = []
    async with engine_side(Terminal(), cold) as (agent, end):
        workers = [RemoteProcess(agent, number, [], *[lambda *_: None] * 3) for number in (1, 2, 3)]
        assert await end.next(decode_for_agent) == [StartWorker(number, []) for number in (1, 2, 3)]
        agent.receive(encode([AreCold([1, 3, 4])]))  # the fourth has ended meanwhile
        assert [worker.is_cold for worker in workers] == [True, False, True]
    assert cold == [True]


class Reader:
    """A reader of what a worker's tasks print."""

    def __init__(self) -> None:
        self.resumed = 0

    def resume_reading(self) -> None:
        self.resumed += 1


@asynccontextmanager
async def agent_side() -> AsyncIterator[tuple[Agent, AgentLine, TestEnd]]:
    """An agent that has been taken in by its engine, which is the test, and has no worker."""
    token, nonce = new_token(), new_nonce()
    agent = Agent(token, places=2)
    line = agent.line()
    async with line_to(line) as engine:
        engine.line.send_first(Challenge(PROTOCOL, nonce))
        introduction = await engine.next(decode_first_from_agent)
        own = proof(token, "engine", introduction.nonce, nonce)
        surroundings = [], os.getcwd(), sys.argv, {}, 0
        engine.line.send_first(Welcome(own, *surroundings, pickle.dumps(None), None, None, True, 15.0))  # no storage
        await engine.frames.get()
        try:
            yield agent, line, engine
        finally:
            await agent.aclose()


async def test_an_agent_goes_on_reading_when_its_line_and_its_engine_take_more():
    first, second = Reader(), Reader()
    async with agent_side() as (agent, line, engine):
        assert not agent.should_pause(first)
        line.pause_writing()
        assert agent.should_pause(first)
        line.resume_writing()
        assert first.resumed == 1
        assert not agent.should_pause(first)

        engine.line.send(PauseEcho(True))
        await until(lambda: agent.should_pause(second))
        line.pause_writing()
        line.resume_writing()
        assert second.resumed == 0  # the engine still has enough to show
        engine.line.send(PauseEcho(False))
        await until(lambda: second.resumed)
        assert not agent.should_pause(second)
    assert (first.resumed, second.resumed) == (1, 1)
