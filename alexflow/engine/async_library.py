"""The async library that runs this thread, if it is not asyncio."""

from __future__ import annotations

import sys

from alexflow.errors import DefinitionError


def other_library() -> str | None:
    """Name the library other than asyncio, such as ``trio``, whose event loop runs in this thread."""
    sniffio = sys.modules.get("sniffio")  # every other library loads it, to be detected
    if sniffio is None:
        return None
    try:
        name: str = sniffio.current_async_library()
    except sniffio.AsyncLibraryNotFoundError:
        return None
    return None if name == "asyncio" else name


def require_asyncio() -> None:
    """Check that asyncio's event loop runs in this thread.

    Raises:
        DefinitionError: the loop of another library does.
    """
    name = other_library()
    if name is not None:
        raise DefinitionError(
            f"an engine needs asyncio's event loop, but {name} runs this thread; "
            f"call alexflow.run(…) in another thread instead"
            + (": await trio.to_thread.run_sync(alexflow.run, target)" if name == "trio" else "")
        )


def is_under_a_loop() -> bool:
    """Whether an event loop runs in this thread."""
    asyncio = sys.modules.get("asyncio")  # a run that has nothing to do does without it
    if asyncio is not None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            return True
    return other_library() is not None
