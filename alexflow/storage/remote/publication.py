"""An object becomes visible: complete, at once, and only if nobody was first.

That nobody was first is for the back end to see, with create-if-absent; to look first and then write would let two
writers pass each other. Not every server that takes the condition keeps it, so each storage is tried once, before its
first publication: an object of ours is created twice, and the second time must be refused.

A publication whose reply was lost is tried again, by us or unseen by the client, and then finds that the object exists.
So where there is one already, it is compared with what was to be published; equal bytes are our own publication.
"""

from __future__ import annotations

import logging
import uuid

from alexflow.errors import UnknownStorage
from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.backend import Backend
from alexflow.storage.remote.connection import Connection
from alexflow.storage.remote.patience import Attempt

logger = logging.getLogger("alexflow.storage")


async def publish(connection: Connection, key: str, data: bytes, *, replace: bool, keeps: bool, where: str) -> bool:
    """Whether the object under ``key`` is ours now.

    Args:
        connection: the way to the storage.
        key: its name.
        data: all of it.
        replace: whether it takes the place of what is there.
        keeps: whether the back end keeps create-if-absent.
        where: the storage, as it may be shown.
    """

    async def put(backend: Backend, attempt: Attempt) -> bool:
        attempt.allow(len(data))
        if replace:
            await backend.replace(key, data)
            return True
        is_first = (keeps or not await backend.exists(key)) and await backend.create(key, data)
        return is_first or await _is(backend, attempt, key, data)

    try:
        return await connection.request("publish", key, put)
    except FileNotFoundError:
        raise no_such_place(where) from None


def no_such_place(where: str) -> UnknownStorage:
    """What is raised where even the bucket or container is missing."""
    return UnknownStorage(f"cannot publish in {where}: there is no such bucket, container or directory; make it first")


async def _is(backend: Backend, attempt: Attempt, key: str, data: bytes) -> bool:
    try:
        return (await backend.status(key)).size == len(data) and await backend.read(key, attempt) == data
    except FileNotFoundError:  # removed meanwhile
        return False


async def keeps_the_first(connection: Connection, where: str) -> bool:
    """Whether the back end keeps create-if-absent; says so in the log where it does not."""
    key = f"{RESERVED}/probe/{uuid.uuid4().hex}"
    first, second = b"the first publisher", b"another publisher"
    if not await publish(connection, key, first, replace=False, keeps=True, where=where):
        return False
    try:
        keeps = not await publish(connection, key, second, replace=False, keeps=True, where=where)
    finally:
        await connection.remove_many([key])
    if not keeps:
        condition = (await connection.backend()).condition
        logger.warning(
            "%s does not keep %s: where two publish one output at the same time, the last wins instead of the first",
            *(where, condition),
        )
    return keeps
