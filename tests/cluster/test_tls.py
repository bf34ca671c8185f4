"""Lines with TLS."""

from __future__ import annotations

import asyncio
import subprocess
from subprocess import PIPE

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


WITHOUT_A_WORD = "an engine with TLS may need --tls-cert and --tls-key here, of an authority that it trusts"


@pytest.mark.parametrize(
    ("trusts", "shows", "said"),
    [
        ("theirs", "ours", "theirs.pem (self-signed certificate); --tls-ca names its own"),
        ("ours", "theirs", WITHOUT_A_WORD),
        ("ours", "", WITHOUT_A_WORD),
        ("", "", "an engine with TLS needs --tls-ca here"),
    ],
    ids=str,
)
async def test_others_are_refused(place, certificates, trusts, shows, said, monkeypatch):
    monkeypatch.setattr("alexflow.cluster.executor.INTRODUCTION_TIMEOUT", 3.0)  # one without TLS waits for the engine
    cert, key = certificates["ours"]
    executor = AgentExecutor(tls=Certificates(cert=cert, key=key, ca=cert))
    options = [f"--tls-ca={certificates[trusts][0]}"] if trusts else []
    if shows:
        options += [f"--tls-cert={certificates[shows][0]}", f"--tls-key={certificates[shows][1]}"]
    async with Engine(place, executor=executor), agent(executor, "--wait=0", *options, stderr=PIPE) as process:
        assert said in (await asyncio.to_thread(process.communicate, timeout=30))[1].decode()
        assert process.returncode == 1
        assert not executor.agents
        assert "--tls-ca FILE" in executor._advice()


async def test_an_engine_without_tls_refuses_an_agent_that_insists(place, certificates):
    executor = AgentExecutor()
    trusts = f"--tls-ca={certificates['ours'][0]}"
    async with Engine(place, executor=executor), agent(executor, trusts, stderr=PIPE) as process:
        said = (await asyncio.to_thread(process.communicate, timeout=30))[1].decode()
        assert "what answers there has no TLS; leave out --tls-ca, or give the engine tls=Certificates(...)" in said
        assert process.returncode == 1


def test_wrong_certificates_are_refused_when_they_are_given(tmp_path, certificates):
    cert, key = certificates["ours"]
    (tmp_path / "empty.pem").touch()
    encrypted = str(tmp_path / "encrypted.key")
    command = ["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:word", "-out", encrypted]
    subprocess.run(command, check=True, capture_output=True)
    for made, message in [
        (lambda: Certificates(cert=str(tmp_path / "none.pem")), "none.pem cannot be read"),
        (
            lambda: Certificates(ca=str(tmp_path / "empty.pem")),
            "Certificates.ca: .*empty.pem has no certificate",
        ),
        (lambda: Certificates(cert=cert, key=certificates["theirs"][1]), "Certificates.key: .* is not the key of"),
        (lambda: Certificates(cert=cert), "no certificate and key in PEM; Certificates.key names another file"),
        (lambda: Certificates(cert=cert, key=str(tmp_path / "empty.pem")), "or .*empty.pem no key, in PEM"),
        (lambda: Certificates(cert=cert, key=encrypted), "encrypted.key is encrypted; give one that is not"),
        (lambda: AgentExecutor(tls=Certificates(ca=cert)), r"needs Certificates\(cert=...\)"),
        (lambda: AgentExecutor(tls=(cert, key)), "tls must be Certificates"),
        (lambda: Certificates(cert=cert, key=key).of_agent(), "needs the certificate of an authority"),
    ]:
        with pytest.raises(DefinitionError, match=message):
            made()
