"""Amounts of memory as texts, in the units in which systems and users state limits; stored bytes go by thousands."""

from __future__ import annotations


def memory_text(amount: int) -> str:
    """Format bytes of memory: ``812 bytes``, ``7.1 GiB``, ``8 GiB``."""
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if amount >= factor:
            return f"{amount / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{amount} bytes"
