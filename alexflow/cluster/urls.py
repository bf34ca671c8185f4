"""Executors by URL: ``dask://HOST:PORT``, ``agents://HOST:PORT``."""

from __future__ import annotations

from alexflow.cluster.executor import AgentExecutor
from alexflow.errors import DefinitionError


def executor_at(url: str) -> AgentExecutor:
    """Return the executor that a URL names.

    ``agents://0.0.0.0:7788`` listens there for agents; ``dask://host:8786`` is a Dask scheduler.

    Raises:
        DefinitionError: the URL names no executor.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "agents":
        return AgentExecutor(rest)
    if scheme == "dask":
        from alexflow.cluster.dask import DaskExecutor  # deferred: an extra

        return DaskExecutor(rest)
    raise DefinitionError(f"{url!r} names no executor; use dask://host:8786 or agents://host:port")
