"""The cards that attempts in this process have made: they are written before the outputs are published.

Apart from all else, as each attempt looks here, and hardly any has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alexflow.cards.card import Card
    from alexflow.storage import Storage

#: By the ids of tasks: the id of the run, and the cards by name.
pending: dict[str, tuple[str, dict[str, Card]]] = {}


def write_pending(storage: Storage, task_id: str) -> None:
    """Write the cards of a task that is done. A failure costs nothing but the cards, and is logged."""
    made = pending.pop(task_id, None)
    if made is not None:
        from alexflow.cards.kept import write_cards  # deferred: few tasks have any

        write_cards(storage, task_id, made[0], list(made[1].values()))


async def awrite_pending(storage: Storage, task_id: str) -> None:
    """:func:`write_pending`, for the event loop."""
    if task_id in pending:
        from alexflow.storage.background import in_thread  # deferred: it brings asyncio

        await in_thread(write_pending, storage, task_id)
