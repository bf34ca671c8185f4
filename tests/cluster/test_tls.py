"""Lines with TLS."""

from __future__ import annotations

import asyncio

import pytest

from alexflow import Engine
from alexflow.cluster import AgentExecutor, Certificates
from alexflow.errors import DefinitionError
from tests.cluster.agents import agent
from tests.cluster.workflows import Leaf

pytestmark = [pytest.mark.anyio, pytest.mark.processes]


async def test_an_agent_that_trusts_the_engine_works(place, certificates):
    cert, key = certificates["ours"]
    executor = AgentExecutor(tls=Certificates(cert=cert, key=key, ca=cert))
    async with Engine(place, executor=executor) as engine:
        options = f"--tls-ca={cert}", f"--tls-cert={cert}", f"--tls-key={key}"
        async with agent(executor, *options):
            assert (await engine.run([Leaf(number) for number in range(200)])).ran == 200
            (line,) = executor._connected
            assert line._transport.get_extra_info("ssl_object").version() >= "TLSv1.2"


@pytest.mark.parametrize(("trusts", "shows"), [("theirs", "ours"), ("ours", "theirs"), ("ours", ""), ("", "")], ids=str)
async def test_others_are_refused(place, certificates, trusts, shows, monkeypatch):
    monkeypatch.setattr("alexflow.cluster.executor.INTRODUCTION_TIMEOUT", 3.0)  # one without TLS waits for the engine
    cert, key = certificates["ours"]
    executor = AgentExecutor(tls=Certificates(cert=cert, key=key, ca=cert))
    options = [f"--tls-ca={certificates[trusts][0]}"] if trusts else []
    if shows:
        options += [f"--tls-cert={certificates[shows][0]}", f"--tls-key={certificates[shows][1]}"]
    async with Engine(place, executor=executor), agent(executor, "--wait=0", *options) as process:
        assert await asyncio.to_thread(process.wait, 30) == 1
        assert not executor.agents


async def test_an_engine_without_tls_refuses_an_agent_that_insists(place, certificates):
    executor = AgentExecutor()
    async with Engine(place, executor=executor), agent(executor, f"--tls-ca={certificates['ours'][0]}") as process:
        assert await asyncio.to_thread(process.wait, 30) == 1


def test_wrong_certificates_are_refused_when_they_are_given(tmp_path, certificates):
    cert, key = certificates["ours"]
    (tmp_path / "empty.pem").touch()
    for made, message in [
        (lambda: Certificates(cert=str(tmp_path / "none.pem")), "none.pem cannot be read"),
        (lambda: Certificates(ca=str(tmp_path / "empty.pem")), "cannot be used"),
        (lambda: Certificates(cert=cert, key=certificates["theirs"][1]), "cannot be used"),
        (lambda: AgentExecutor(tls=Certificates(ca=cert)), r"needs Certificates\(cert=...\)"),
        (lambda: AgentExecutor(tls=(cert, key)), "tls must be Certificates"),
        (lambda: Certificates(cert=cert, key=key).of_agent(), "needs the certificate of an authority"),
    ]:
        with pytest.raises(DefinitionError, match=message):
            made()
