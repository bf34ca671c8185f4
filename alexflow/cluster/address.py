"""Addresses of an engine, as ``host:port``; of an IPv6 host, as ``[host]:port``."""

from __future__ import annotations


def host_and_port(text: str) -> tuple[str, int] | None:
    """Return the two parts of an address; None if it is none."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        return None
    return host.strip("[]"), int(port)
