"""Letting go of what a large request was made of, in slices of the event loop's turns.

CPython frees an object as soon as nothing refers to it, and a list together with all that only it refers to: of 100,000
tasks that is a turn of some 25 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

#: Elements of a list that are let go of between two turns: some tenths of a millisecond.
LET_GO_PER_TURN = 1024


def let_go(loop: asyncio.AbstractEventLoop, lists: Sequence[list[Any]]) -> None:
    """Empty lists that nothing needs any more, a part now and another one in each turn."""
    for one in lists:
        if one:
            del one[-LET_GO_PER_TURN:]
            loop.call_soon(let_go, loop, lists)
            return
