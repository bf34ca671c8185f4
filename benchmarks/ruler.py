"""A ruler for bars in microseconds: encoding and hashing a task of four fields, here and where they were set."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from statistics import median

import msgspec

from benchmarks.workloads import Leaf

#: Microseconds on the machine on which the bars were set, that of the main table in docs/performance.md.
WHERE_BARS_WERE_SET = 0.541

#: The fields of a task, two of them outputs.
FOUR = {"alpha": 0.5, "model": "Ridge", "x": Leaf(1).output().output_id, "y": Leaf(2).output().output_id}


def encode_and_hash(count: int) -> None:
    """Encode and hash a task of four fields, so often."""
    for _ in range(count):
        hashlib.blake2b(msgspec.msgpack.encode(FOUR), digest_size=20).hexdigest()


def of_encoding(count: int) -> float:
    """Return microseconds of the processor for encoding and hashing a task of four fields."""
    begun = time.process_time()
    encode_and_hash(count)
    return (time.process_time() - begun) / count * 1e6


def scaled(bar: float) -> float:
    """Return how often encoding and hashing fits into a bar of so many microseconds."""
    return bar / WHERE_BARS_WERE_SET


def bar_here(bar: float, count: int = 20_000) -> str:
    """Return a bar of so many microseconds, with what it is on this machine at this moment."""
    return f"bar: {bar:g}, by the ruler {scaled(bar) * of_encoding(count):.3g} here"


def said(here: Sequence[float]) -> str:
    """Return the ruler's line of a table, for what it has measured."""
    return (
        f"encoding and hashing a task takes {median(here):.2f} µs here ({min(here):.2f} to {max(here):.2f}), "
        f"and took {WHERE_BARS_WERE_SET} where bars in µs were set"
    )
