"""The checkpoints that attempts in this process have opened: they go when their task's outputs are published.

Apart from all else, as each attempt looks here, and hardly any has one.
"""

from __future__ import annotations

from collections.abc import Callable

#: What removes each of them, by the id of the task and by their files.
in_use: dict[str, dict[str, Callable[[], None]]] = {}


def remove_used(task_id: str) -> None:
    """Remove the checkpoints of a task that is done. A failure costs nothing but room, and is logged."""
    for remove in in_use.pop(task_id, {}).values():
        remove()


async def aremove_used(task_id: str) -> None:
    """:func:`remove_used`, for the event loop."""
    from alexflow.storage.background import in_thread  # deferred: it brings asyncio

    await in_thread(remove_used, task_id)
