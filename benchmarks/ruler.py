"""A ruler for bars in microseconds: encoding and hashing a task of four fields, here and where they were set."""

from __future__ import annotations

import hashlib
import time

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


def scaled(bar: float, here: float) -> str:
    """Return a bar for a table, as it was set, and for a machine on which encoding takes so many microseconds."""
    return f"bar: {bar:g}, here {bar * here / WHERE_BARS_WERE_SET:.0f}"


def said(here: float) -> str:
    """Return the ruler's line of a table."""
    return f"encoding and hashing a task takes {here:.2f} µs here, and took {WHERE_BARS_WERE_SET} where bars were set"
