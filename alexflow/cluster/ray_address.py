"""Whether an address of Ray is written as the server there is to be addressed.

A head of Ray has a control service (GCS), port 6379 as a rule, and a server for clients, port 10001: ``ray://`` is for
the latter alone. Ray tries the one as the other again and again, for a day at worst, and does not say what is wrong.
Both are gRPC servers, and one says at once that it does not have a method of the other.
"""

from __future__ import annotations

from typing import Any

from alexflow.cluster.address import host_and_port
from alexflow.errors import DefinitionError

#: How the address of Ray's server for clients begins.
CLIENT_SCHEME = "ray://"

#: A method of the server for clients, and a request to which it answers without doing anything: whether it is there.
_CLIENT_METHOD, _PING = "/ray.rpc.RayletDriver/ClusterInfo", b"\x08\x06"

#: Seconds that the server gets to answer.
_PROBE_TIMEOUT = 5.0


def check_ray_address(address: str) -> None:
    """Check that what answers at an address of Ray is what the address says; blocks.

    Raises:
        DefinitionError: it is another server of Ray.
    """
    server = address.removeprefix(CLIENT_SCHEME)
    place = host_and_port(server)
    is_for_clients = None if place is None else _is_for_clients(server)
    if place is None or is_for_clients is None:
        return
    if is_for_clients and not address.startswith(CLIENT_SCHEME):
        raise DefinitionError(f"at {server} Ray's server for clients answers: write {CLIENT_SCHEME}{server}")
    if not is_for_clients and address.startswith(CLIENT_SCHEME):
        raise DefinitionError(
            f"at {server} something else than Ray's server for clients answers, such as Ray's control service (GCS): "
            f"use the port of the former, as in {CLIENT_SCHEME}{place[0]}:10001, "
            f"or, on a node of the cluster, RayExecutor({server!r})"
        )


def _is_for_clients(server: str) -> bool | None:
    """Return whether it is Ray's server for clients that answers there; None if that cannot be seen."""
    try:
        import grpc
        from ray._private.grpc_utils import init_grpc_channel  # it has the cluster's token and TLS
    except ImportError:  # an extra, or another version of Ray
        return None
    channel: Any = init_grpc_channel(server)
    try:
        channel.unary_unary(_CLIENT_METHOD)(_PING, timeout=_PROBE_TIMEOUT)
    except grpc.RpcError as error:
        code: Any = error
        return False if code.code() is grpc.StatusCode.UNIMPLEMENTED else None
    finally:
        channel.close()
    return True
