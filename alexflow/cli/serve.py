"""``alexflow serve``: the live page of a storage."""

from __future__ import annotations

import argparse
import socket

from alexflow.cli.places import existing_storage
from alexflow.cli.wrong_use import WrongUse
from alexflow.exit_codes import EXIT_DONE
from alexflow.storage.shown_place import shown_place


def execute(options: argparse.Namespace) -> int:
    """Serve the page until it is interrupted."""
    if not 0 <= options.port <= 65535:
        raise WrongUse(f"--port {options.port}: a port is a number from 0 to 65535")
    storage = existing_storage(options)
    try:
        import uvicorn  # deferred, and optional, as Starlette is

        from alexflow.web import app
        from alexflow.web.guard import LOOPBACK_HOSTS
    except ImportError as error:
        raise WrongUse(f"alexflow serve needs {error.name}: pip install 'alexflow[web]'") from None
    try:
        listener = socket.create_server(
            (options.host, options.port), family=socket.AF_INET6 if ":" in options.host else socket.AF_INET
        )
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while attempting to bind")[0]  # which repeats the address
        raise WrongUse(
            f"{options.host}, port {options.port}, cannot be served: {reason}; choose another --port or --host"
        ) from None
    page = app(storage, hosts=[*LOOPBACK_HOSTS, options.host, *options.allow_host])
    print(
        f"the runs of {shown_place(storage)}: http://{_in_url(options.host)}:{listener.getsockname()[1]}/", flush=True
    )
    if options.host not in LOOPBACK_HOSTS:
        print("this address is open to other machines, and the page has no passwords", flush=True)
    config = uvicorn.Config(
        page,
        log_level="critical",  # streams, which have no end of their own, are cut when it ends, and that is no error
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    with listener:
        uvicorn.Server(config).run(sockets=[listener])
    return EXIT_DONE


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
