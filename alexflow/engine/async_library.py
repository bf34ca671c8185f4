"""Which async library runs this thread, if it is not asyncio."""

from __future__ import annotations

import asyncio
import sys

from alexflow.errors import DefinitionError


def other_library() -> str | None:
    """The library, such as ``trio``, whose event loop runs in this thread, and which is not asyncio."""
    sniffio = sys.modules.get("sniffio")  # all others have it, to be told apart
    if sniffio is None:
        return None
    try:
        name: str = sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return None
    return None if name == "asyncio" else name


def require_asyncio() -> None:
    """See that asyncio's event loop runs in this thread.

    Raises:
        DefinitionError: that of another library does.
    """
    name = other_library()
    if name is not None:
        raise DefinitionError(
            f"an engine needs asyncio's event loop, and here is {name}'s; call alexflow.run(…) in a thread instead"
            + (": await trio.to_thread.run_sync(alexflow.run, target)" if name == "trio" else "")
        )


def is_under_a_loop() -> bool:
    """Whether any event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return other_library() is not None
    return True
