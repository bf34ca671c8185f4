"""The keywords of :class:`~alexflow.Engine`, for the functions that pass them on.

:class:`Engine`'s signature documents them and has their defaults: ``help(Engine)`` shows them, and Python itself
refuses an unknown one. ``arun`` and ``run`` declare them by these types (PEP 692), so that type checkers and editors
know them there, too. A test compares the two lists.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from alexflow.executors.workers import Workers
from alexflow.graph import Forceable
from alexflow.model import ExecutorName, Retry
from alexflow.storage import Storage

OnError = Literal["stop", "continue"]


class EngineOptions(TypedDict, total=False):
    """The keywords of :class:`~alexflow.Engine` besides a storage and ``echo``."""

    workers: int | Workers | None
    limits: Mapping[str, int] | None
    max_concurrency: int
    executor: ExecutorName
    retry: Retry | None
    timeout: float | None
    max_deaths: int
    grace: float
    lease_ttl: float | None
    journal: str | os.PathLike[str] | None


class RunOptions(EngineOptions, total=False):
    """The keywords of :func:`~alexflow.run` besides a target, ``progress`` and ``echo``."""

    storage: Storage | str | os.PathLike[str] | None
    on_error: OnError
    force: Forceable | Sequence[Forceable] | bool
