"""Addresses at which nothing is, or something else: each message says what to look at."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
from threading import Thread

import pytest

from alexflow import Engine
from alexflow.cluster import AgentExecutor, DaskExecutor
from alexflow.errors import DefinitionError, NoAgents, RunFailed
from tests.cluster.dask_processes import free_address, running_dask
from tests.cluster.workflows import Leaf

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


def agent_of(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "alexflow", "agent", *options]
    environment = {**os.environ, "ALEXFLOW_AGENT_TOKEN": "known"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_nothing_answers_where_an_agent_dials():
    address = free_address()
    ended = agent_of("--connect", address, "--wait", "0.1")
    assert ended.returncode == 1
    assert f"nothing answers at {address} (Connection refused), which was dialled for 0.1 s (--wait)" in ended.stderr
    assert f"does it listen there, as with AgentExecutor('0.0.0.0:{address.rpartition(':')[2]}')?" in ended.stderr


def test_an_agent_takes_the_address_as_the_engine_has_it_and_no_other_url():
    address = free_address()
    assert f"nothing answers at {address} (" in agent_of("--connect", f"agents://{address}", "--wait", "0.1").stderr
    assert f"--connect takes HOST:PORT, not 'http://{address}'" in agent_of("--connect", f"http://{address}").stderr


def test_another_program_answers_where_an_agent_dials():
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            with other.accept()[0] as connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.0\r\n")

        answering = Thread(target=answer)
        answering.start()
        ended = agent_of("--connect", f"127.0.0.1:{other.getsockname()[1]}")
        answering.join()
    assert ended.returncode == 1
    assert "an engine with TLS needs --tls-ca here, and what answers there may be another program" in ended.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--memory", "lots", "alexflow: --memory must be a text such as '8GiB'"),
        ("--tls-ca", "/not/there", "alexflow: --tls-ca: /not/there cannot be read"),
        ("--tls-ca", "/dev/null", "alexflow: --tls-ca: /dev/null has no certificate in PEM"),
        ("--token-file", "/dev/null", "alexflow: --token-file /dev/null: it is empty"),
    ],
)
def test_an_option_that_is_wrong_is_called_as_it_was_typed(option, value, said):
    ended = agent_of("--connect", "127.0.0.1:1", option, value)
    assert ended.returncode == 2
    assert said in ended.stderr


@pytest.mark.parametrize("is_taken", [True, False], ids=["a port that is taken", "an address of another machine"])
async def test_an_engine_that_cannot_listen(place, is_taken):
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}" if is_taken else "192.0.2.1:7788"  # of documentation
        why = "Address already in use" if is_taken else "Cannot assign requested address"
        with pytest.raises(DefinitionError, match=f"connect to this engine at {listen}: {why}.*; listen= takes an"):
            async with Engine(place, executor=AgentExecutor(listen)):
                pass


async def test_a_scheduler_of_dask_that_does_not_answer(place, monkeypatch, caplog, recwarn):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("alexflow.cluster.dask.CONNECT_TIMEOUT", 0.5)
    address = free_address()
    async with Engine(place, executor=DaskExecutor(f"tcp://{address}", wait_for_agents=3)) as engine:
        with pytest.raises(RunFailed) as failed:
            await engine.run(Leaf(1))
    (error,) = failed.value.exceptions
    assert isinstance(error, NoAgents)
    assert "the Dask cluster does not answer" in str(error)
    assert "is it running, and is its address right?" in caplog.text
    await asyncio.to_thread(gc.collect)
    assert not [warning for warning in recwarn if "never awaited" in str(warning.message)]
    with pytest.raises(DefinitionError, match=r"DaskExecutor\(...\) makes one of it"):
        Engine(place, executor=distributed.LocalCluster.__new__(distributed.LocalCluster))


async def test_a_client_of_dask_that_is_closed(place, caplog):
    distributed = pytest.importorskip("distributed")
    with running_dask(1) as address:
        client = await asyncio.to_thread(distributed.Client, f"tcp://{address}", set_as_default=False)
        await asyncio.to_thread(client.close)
    async with Engine(place, executor=DaskExecutor(client, wait_for_agents=1)) as engine:
        with pytest.raises(RunFailed):
            await engine.run(Leaf(1))
    assert "the client or cluster that the executor was given is closed" in caplog.text
