"""The mark of functions that block the event loop on purpose, because a thread would cost more than they do.

The tests watch the event loop: a blocking call of alexflow's on it is an error, except in functions with this mark
(``tests/conftest.py`` finds it in the source). The mark stands at the function, so that it moves with it and says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def blocks_briefly(why: str) -> Callable[[F], F]:
    """Mark a function that may block the event loop. The function stays as it is, so a call costs no more.

    Args:
        why: what it costs, or why nothing waits for it; for readers of the code.
    """
    return _unchanged


def _unchanged(function: F) -> F:
    return function
