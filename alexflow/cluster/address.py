"""Addresses of an engine, as ``host:port``; of an IPv6 host, as ``[host]:port``."""

from __future__ import annotations

import socket

from alexflow.blocks_briefly import blocks_briefly


def host_and_port(text: str) -> tuple[str, int] | None:
    """Return the two parts of an address; None if it is none."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        return None
    return host.strip("[]"), int(port)


def address_of(host: str, port: int) -> str:
    """Return an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@blocks_briefly("once a cluster: nothing is sent, the system looks up a route")
def own_host_towards(host: str) -> str:
    """Return the address of the interface of this machine that leads to another one."""
    found = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(address)
        name: str = probe.getsockname()[0]
    return name
