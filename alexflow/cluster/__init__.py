"""Executors on other machines: agents host the worker processes there, the engine's pool gives them jobs."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.cluster.dask import DaskExecutor as DaskExecutor
    from alexflow.cluster.executor import AgentExecutor as AgentExecutor
    from alexflow.cluster.ray import RayExecutor as RayExecutor
    from alexflow.cluster.tls import Certificates as Certificates

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {"executor": "AgentExecutor", "dask": "DaskExecutor", "ray": "RayExecutor", "tls": "Certificates"},
)
