"""``LazySourceTask``: the task behind an output that was sent without its ancestors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class LazySourceTask:
    """``Output.src_task`` of an output that was sent without its ancestors: fetched at first use.

    A non-data descriptor: an output made by its constructor has ``src_task`` in its own ``__dict__``, which wins.
    """

    def __get__(self, output: Any, owner: type) -> Any:
        if output is None:
            return self
        fetch: Callable[[str], Any] | None = output.__dict__.get("_fetch_task")
        if fetch is None:
            raise AttributeError(f"{output!r} has no src_task")
        task = fetch(output.src_task_id)
        output.__dict__["src_task"] = task
        return task
