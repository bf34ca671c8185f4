"""Addresses of an engine, as ``host:port``; of an IPv6 host, as ``[host]:port``."""

from __future__ import annotations

import socket

from alexflow.blocks_briefly import blocks_briefly


def host_and_port(text: str) -> tuple[str, int] | None:
    """Return the two parts of an address; None if it is none, such as a URL."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535 or "/" in host:
        return None
    return host.strip("[]"), int(port)


def address_of(host: str, port: int) -> str:
    """Return an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@blocks_briefly("once an engine: a socket")
def listen_on(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; on ``::`` for IPv4, too, where the system can."""
    if ":" not in host:
        return socket.create_server((host, port))
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=socket.AF_INET6, dualstack_ipv6=both)


def name_of(host: str) -> str:
    """Return a host as others know it: this machine's name for an address that stands for all its interfaces."""
    return socket.gethostname() if host in ("", "0.0.0.0", "::") else host


@blocks_briefly("once a cluster: nothing is sent, the system looks up a route")
def own_host_towards(host: str) -> str:
    """Return the address of the interface of this machine that leads to another one."""
    found = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(address)
        name: str = probe.getsockname()[0]
    return name
