"""The cases, one module each; ``run(setting)`` gives what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from benchmarks.contest import Setting
from benchmarks.outcome import Outcome

#: All cases by name, in the order in which they are run.
CASES = {
    "script": "script",
    "fan": "fan",
    "fan_async": "fan_async",
    "fan_wide": "fan_wide",
    "chain": "chain",
    "layered": "layered",
    "grow": "grow",
    "rerun": "rerun",
    "storage": "storage",
    "clients": "clients",
    "async": "async_io",
    "cpu": "cpu",
    "training": "training",
    "preload": "preload",
    "start": "start",
    "imports": "imports",
    "memory": "memory",
    "durability": "durability",
    "identity": "identity",
    "documents": "documents",
    "metg": "metg",
    "instructions": "instructions",
    "lazy": "lazy",
    "record": "record",
    "recording": "recording",
    "formats": "formats",
}

#: Run only if they are named: they take too long, or need much besides alexflow.
ONLY_IF_NAMED = {
    "clients",
    "formats",
    "instructions",
    "lazy",
    "preload",
    "record",
    "recording",
    "script",
    "storage",
    "training",
}


def run(name: str, setting: Setting) -> Iterator[Outcome]:
    """Measure a case."""
    outcomes: Iterator[Outcome] = import_module(f"{__name__}.{CASES[name]}").run(setting)
    return outcomes
