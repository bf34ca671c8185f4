"""Wrong arguments are refused in one way: in the same words, and whatever their ``repr()`` does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import Engine, MemoryStorage, ResourceSpec, Retry, TaskOptions, Workers, open_storage
from alexflow.checkpoints.checkpoint import Checkpoint
from alexflow.cluster import AgentExecutor
from alexflow.errors import AlexflowError
from alexflow.executors.recycle import Recycle
from alexflow.limits import Queue, RateLimit
from alexflow.storage import CacheStorage, MemoryCache, PrefixStorage


class NoText:
    """An object of a user that cannot be shown."""

    def __repr__(self) -> str:
        raise ValueError("no text")


WRONG: Any = NoText()
REFUSED = re.compile(r".+ must be .+, not <tests\.test_argument_words\.NoText: its repr\(\) raised ValueError>")

CALLS: dict[str, Callable[[], object]] = {
    **{
        f"Engine({name}=)": lambda name=name: Engine(MemoryStorage(), **{name: WRONG})  # type: ignore[misc]
        for name in (
            *("workers", "limits", "devices", "max_concurrency", "retry", "timeout", "max_deaths", "grace"),
            *("lease_ttl", "record", "memory_cache", "queue", "carry"),
        )
    },
    "Engine(limits={'a': })": lambda: Engine(MemoryStorage(), limits={"a": WRONG}),
    "Engine(devices={'gpu': })": lambda: Engine(MemoryStorage(), devices={"gpu": WRONG}),
    **{
        f"run({name}=)": lambda name=name: alexflow.run((), storage=MemoryStorage(), **{name: WRONG})  # type: ignore[misc]
        for name in ("on_error", "progress", "echo", "attributes", "html")
    },
    **{
        f"Retry({name}=)": lambda name=name: Retry(**{"count": 1, name: WRONG})
        for name in ("count", "delay", "jitter", "on")
    },
    **{
        f"TaskOptions({name}=)": lambda name=name: TaskOptions(**{name: WRONG})
        for name in ("executor", "timeout", "priority", "code", "max_age")
    },
    **{
        f"ResourceSpec({name}=)": lambda name=name: ResourceSpec(**{name: WRONG})
        for name in ("cpus", "memory", "gpus", "devices")
    },
    **{
        f"Workers({name}=)": lambda name=name: Workers(**{name: WRONG})
        for name in ("count", "threads", "python", "recycle", "initializer", "preload")
    },
    **{f"Recycle({name}=)": lambda name=name: Recycle(**{name: WRONG}) for name in ("tasks", "seconds", "memory")},
    "Queue(max_queued=)": lambda: Queue(max_queued=WRONG),
    "Queue(reserve=)": lambda: Queue(reserve=WRONG),
    "Queue(reserve={'process': })": lambda: Queue(reserve={"process": WRONG}),
    **{
        f"RateLimit({name}=)": lambda name=name: RateLimit(**{"requests": 5, "per": 1, name: WRONG})
        for name in ("requests", "per", "burst", "key", "cost", "tokens")
    },
    **{
        f"MemoryCache({name}=)": lambda name=name: MemoryCache(**{name: WRONG})
        for name in ("max_bytes", "max_age", "values")
    },
    "CacheStorage(max_bytes=)": lambda: CacheStorage(MemoryStorage(), "cache", max_bytes=WRONG),
    "PrefixStorage(prefix=)": lambda: PrefixStorage(MemoryStorage(), WRONG),
    "open_storage(check=)": lambda: open_storage("results", check=WRONG),
    "open_storage('s3://', deadline=)": lambda: open_storage("s3://bucket", deadline=WRONG),
    "source(url)": lambda: alexflow.source(WRONG),
    "source(format=)": lambda: alexflow.source(__file__, format=WRONG),
    "source(only=)": lambda: alexflow.source(Path(__file__).parent, only=WRONG),
    "AgentExecutor(listen=)": lambda: AgentExecutor(WRONG),
    **{
        f"AgentExecutor({name}=)": lambda name=name: AgentExecutor(**{name: WRONG})
        for name in ("tls", "wait_for_agents", "modules")
    },
    "Checkpoint(keep=)": lambda: Checkpoint(MemoryStorage(), "task", keep=WRONG),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_it_is_refused_with_what_is_meant(call: Callable[[], object]) -> None:
    with pytest.raises(AlexflowError) as caught:
        call()
    assert REFUSED.fullmatch(str(caught.value)), caught.value
