"""The proof that both ends of a line have the same token (HMAC-SHA256, RFC 2104), without sending it.

Each end draws a nonce, and answers the other's with a digest that only the token gives. An agent takes pickles from its
engine and the engine takes exceptions from its agents, so both are asked. The line itself is plain, unless it has TLS
(:mod:`alexflow.cluster.tls`).
"""

from __future__ import annotations

import hmac
import secrets

NONCE_SIZE = 16  # bytes

#: The environment variable that has the token, for engines and agents that are given none.
TOKEN_VARIABLE = "ALEXFLOW_AGENT_TOKEN"


def new_token() -> str:
    """Return a token for an engine and its agents: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def new_nonce() -> bytes:
    """Return a nonce."""
    return secrets.token_bytes(NONCE_SIZE)


def proof(token: str, role: str, nonce: bytes, own: bytes) -> bytes:
    """Return the proof of one end.

    Args:
        token: the shared token.
        role: ``engine`` or ``agent``, so that no proof can be sent back.
        nonce: the other end's.
        own: this end's.
    """
    return hmac.digest(token.encode(), role.encode() + nonce + own, "sha256")


def is_proof(given: bytes, token: str, role: str, nonce: bytes, own: bytes) -> bool:
    """Return whether what the other end has given proves that it has the token; arguments as for its :func:`proof`."""
    return hmac.compare_digest(given, proof(token, role, nonce, own))
