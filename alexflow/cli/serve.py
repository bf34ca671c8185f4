"""``alexflow serve``: the live page of a storage."""

from __future__ import annotations

import argparse

from alexflow.cli.places import existing_storage, shown
from alexflow.cli.wrong_use import WrongUse
from alexflow.exit_codes import EXIT_DONE


def execute(options: argparse.Namespace) -> int:
    """Serve the page until it is interrupted."""
    storage = existing_storage(options)
    try:
        import uvicorn  # deferred, and optional, as Starlette is

        from alexflow.web import app
        from alexflow.web.guard import LOOPBACK_HOSTS
    except ImportError as error:
        raise WrongUse(f"alexflow serve needs {error.name}: pip install 'alexflow[web]'") from None
    hosts = [*LOOPBACK_HOSTS, options.host, *options.allow_host]
    print(f"the runs of {shown(storage)}: http://{_in_url(options.host)}:{options.port}/", flush=True)
    if options.host not in LOOPBACK_HOSTS:
        print("everyone who can reach this address sees them: the page has no passwords")
    uvicorn.run(
        app(storage, hosts=hosts),
        host=options.host,
        port=options.port,
        log_level="warning",
        timeout_graceful_shutdown=1,  # streams have no end of their own
    )
    return EXIT_DONE


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
