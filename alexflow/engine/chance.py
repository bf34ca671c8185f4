"""Chance: what spreads retries and repeated reads over time."""

from __future__ import annotations


def chance() -> float:
    """Return a random number from 0 to 1."""
    from random import random  # deferred: it seeds itself, and most engines repeat nothing

    return random()
