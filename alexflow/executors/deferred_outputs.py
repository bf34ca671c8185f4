"""Publishing what tasks have stored for the dynamic task that gave them, once all of them are done."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from alexflow.errors import OutputNotFound
from alexflow.storage import Storage

logger = logging.getLogger("alexflow")


async def publish_deferred(storage: Storage, held: Mapping[str, str], *, replace: bool = False) -> None:
    """Make visible what is held; where it was held it is removed afterwards.

    May be interrupted anywhere and done again, also by another engine: keys are removed only when all are published.

    Args:
        storage: where it is.
        held: keys, each with that under which it is kept.
        replace: whether what exists under the keys is replaced.
    """
    from alexflow.storage.copying import acopy_object, areplace_object  # deferred: few tasks store for a dynamic one

    for key, place in held.items():
        try:
            await (areplace_object if replace else acopy_object)(storage, place, storage, key)
        except OutputNotFound:  # it has been published, or was not stored: the caller's check finds that
            continue
    try:
        await storage.aremove_many(held.values())
    except Exception as error:  # the storage's; what was to be done is done, and this only takes room
        logger.warning("what was held for a dynamic task could not be removed: %s", error)
