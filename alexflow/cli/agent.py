"""``alexflow agent --connect HOST:PORT``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from alexflow.cli.wrong_use import WrongUse
from alexflow.cluster.address import host_and_port
from alexflow.cluster.proof import TOKEN_VARIABLE
from alexflow.errors import DefinitionError
from alexflow.model.resource_spec import ResourceSpec

if TYPE_CHECKING:
    from alexflow.cluster.tls import Certificates

#: The options that give these, as errors name them.
OPTIONS = {
    "ResourceSpec.memory": "--memory",
    **{f"Certificates.{name}": f"--tls-{name}" for name in ("ca", "cert", "key")},
}


def execute(options: argparse.Namespace) -> int:
    """Host worker processes for an engine until it ends; 1 if it does not take this agent."""
    from alexflow.cluster.agent_supply import AgentLimits, devices_in  # deferred: other commands need none of it
    from alexflow.cluster.dialling import AgentOptions, run_agent

    address = host_and_port(options.connect.removeprefix("agents://"))  # as the engine is given it
    if address is None:
        raise WrongUse(f"--connect takes HOST:PORT, not {options.connect!r}")
    for name, least in (("places", 1), ("cpus", 1), ("threads", 0), ("wait", 0), ("time_left", 0)):
        value = getattr(options, name)
        if value is not None and not value >= least:  # also what is no number
            raise WrongUse(f"--{name.replace('_', '-')} must be at least {least}, not {value:g}")
    try:
        memory = None if options.memory is None else ResourceSpec(memory=options.memory).needs().memory
        devices = None if options.devices is None else devices_in(options.devices)
        tls = _certificates(options)
    except DefinitionError as error:
        text = str(error)
        for name, option in OPTIONS.items():
            text = text.replace(name, option)
        raise WrongUse(text) from None
    return run_agent(
        AgentOptions(
            *address,
            _token(options),
            places=options.places,
            name=options.name,
            threads=options.threads,
            wait=options.wait,
            time_left=options.time_left,
            with_stdin=options.with_stdin,
            limits=AgentLimits(options.cpus, memory, devices),
            tls=tls,
        )
    )


def _certificates(options: argparse.Namespace) -> Certificates | None:
    if options.tls_ca is None:
        if options.tls_cert or options.tls_key:
            raise WrongUse("an agent that dials with TLS needs the certificate of an authority: --tls-ca")
        return None
    from alexflow.cluster.tls import Certificates  # deferred: most agents need no TLS

    return Certificates(options.tls_ca, options.tls_cert, options.tls_key)


def _token(options: argparse.Namespace) -> str:
    if options.with_stdin:
        token = sys.stdin.readline().strip()
    elif options.token_file:
        try:
            with open(options.token_file) as file:
                token = file.read().strip()
        except OSError as error:
            raise WrongUse(f"--token-file {options.token_file}: {error.strerror}") from None
        if not token:
            raise WrongUse(f"--token-file {options.token_file}: it is empty")
    else:
        token = os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise WrongUse(f"there is no token: set {TOKEN_VARIABLE} to the engine's, or name a file by --token-file")
    return token
