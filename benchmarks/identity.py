"""The task whose id is timed."""

from __future__ import annotations

from dataclasses import dataclass

from alexflow import Output, Task


@dataclass(frozen=True)
class Four(Task):
    """Four fields, two of them outputs."""

    x: Output[int]
    y: Output[int]
    model: str
    alpha: float
