"""The keywords of :class:`~alexflow.Engine`, as types: what type checkers and editors read (PEP 692).

Only a type checker imports this module: to make these classes would take longer than all else that a run of targets
that exist does. :mod:`alexflow.engine.options` has the names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypedDict

from alexflow.engine.executor_choice import ExecutorChoice
from alexflow.engine.options import OnError
from alexflow.executors.workers import Workers
from alexflow.graph import Forceable
from alexflow.limits import Queue, RateLimit
from alexflow.model import Retry
from alexflow.storage import Storage
from alexflow.storage.memory_cache import MemoryCache


class EngineOptions(TypedDict, total=False):
    """The keywords of :class:`~alexflow.Engine` besides a storage and ``echo``."""

    workers: int | Workers | None
    limits: Mapping[str, int | RateLimit] | None
    devices: Mapping[str, Sequence[int | str]] | None
    max_concurrency: int
    executor: ExecutorChoice
    executors: Mapping[str, ExecutorChoice] | None
    retry: Retry | None
    timeout: float | None
    max_deaths: int
    grace: float
    lease_ttl: float | None
    record: bool
    memory_cache: MemoryCache | None
    queue: Queue | None
    carry: Sequence[ContextVar[Any]] | None


class RequestKeywords(TypedDict, total=False):
    """The keywords of a request, as :meth:`alexflow.Engine.map` takes them."""

    attributes: Mapping[str, Any] | None
    priority: int | None
    fairness_key: str
    max_wait: float | None


class LoadKeywords(RequestKeywords, total=False):
    """The keywords of :meth:`alexflow.Engine.load`."""

    max_age: float | None
    stale_while_revalidate: float


class RunKeywords(LoadKeywords, total=False):
    """The keywords of :meth:`alexflow.Engine.run` besides a target and ``force``."""

    on_error: OnError


class RunOptions(EngineOptions, total=False):
    """The keywords of :func:`~alexflow.run` besides a target, ``progress`` and ``echo``."""

    storage: Storage | str | os.PathLike[str] | None
    on_error: OnError
    force: Forceable | Sequence[Forceable] | bool
    attributes: Mapping[str, Any] | None
    html: str | os.PathLike[str] | None
