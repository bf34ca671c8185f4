"""The keywords of :class:`~alexflow.Engine`, for the functions that pass them on.

:class:`Engine`'s signature documents them and has their defaults: ``help(Engine)`` shows them, and Python itself
refuses an unknown one. ``arun`` and ``run`` declare them by these types (PEP 692), so that type checkers and editors
know them there, too. A test compares the two lists.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypedDict

from alexflow.errors import DefinitionError
from alexflow.executors.workers import Workers
from alexflow.graph import Forceable
from alexflow.hooks import repr_of
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


#: Keywords that users of other versions and engines try, and those that are meant.
_MEANT = {
    "n_jobs": "workers",
    "resources": "limits",
    "recycle": "workers=Workers(recycle=...)",
    "retries": "retry=Retry(...)",
    "retry_delay": "retry=Retry(..., delay=...)",
}


def check_keywords(function: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse unknown keywords where they are given, by the name of the function that was called.

    Raises:
        TypeError: a keyword is unknown; the message names one that may be meant.
    """
    known = set(known)
    for name in given:
        if name not in known:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{_hint(name, known)}")


def _hint(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # deferred: only for this message

    meant = _MEANT.get(name) or next(iter(get_close_matches(name, known, 1)), "")
    return f"; did you mean {meant}?" if meant else ""


def as_limits(limits: Mapping[str, int] | None) -> dict[str, int]:
    """Check an engine's ``limits``."""
    if limits is not None and not isinstance(limits, Mapping):
        raise DefinitionError(
            f"limits must be a dict from tag to how many tasks with it may run at once, such as "
            f"{{'gpu': 1}}, not a {type(limits).__qualname__}"
        )
    return dict(limits or {})


def as_workers(workers: object) -> Workers:
    """Check an engine's ``workers``, and settle what they leave open."""
    if isinstance(workers, Workers):
        return workers.settled()
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise DefinitionError(f"workers must be a whole number of at least 1, not {repr_of(workers)}")
    return Workers(None if workers is None else int(workers)).settled()
