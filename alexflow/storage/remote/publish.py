"""Publication of an object: complete, at once, and only if no other publisher was first.

The back end ensures that, with create-if-absent; to look first and then write would let two writers pass each other.
Not every server that takes the condition keeps it, so each storage is tried once, before its first publication: an
object of ours is created twice, and the second time must be refused.

A publication whose reply was lost is tried again, by us or unseen by the client, and then finds that the object exists.
So where there is one already, it is compared with what was to be published; equal bytes are our own publication.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable

from alexflow.errors import OutputNotFound, UnknownStorage
from alexflow.storage.digest import of_bytes, record_of, with_key
from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.backends.base import Backend, UploadLost
from alexflow.storage.remote.connection import Connection
from alexflow.storage.remote.multipart import LargeObject, complete, upload
from alexflow.storage.remote.ranges import Ranges
from alexflow.storage.remote.retry import RequestAttempt
from alexflow.storage.verification import read_record

logger = logging.getLogger("alexflow.storage")

#: ``put(backend, attempt)``: store it, complete; False if there is something that it is not to replace.
Put = Callable[[Backend, RequestAttempt], Awaitable[bool]]


class Publisher:
    """The publications of one storage.

    Args:
        connection: the way to it.
        where: the storage, as it may be shown.
        keeps: whether the back end keeps create-if-absent.
    """

    def __init__(self, connection: Connection, where: str, *, keeps: bool = True):
        self._connection = connection
        self._where = where
        self._keeps = keeps

    async def publish(self, key: str, data: bytes, record: bytes = b"", *, replace: bool = False) -> bool:
        """Whether the object under ``key`` is ours now.

        Args:
            key: its name.
            data: all of it.
            record: its digest records bytes.
            replace: whether it takes the place of what is there.
        """
        kept = with_key(record, key) if record else b""

        async def put(backend: Backend, attempt: RequestAttempt) -> bool:
            attempt.allow(len(data))
            if replace:
                await backend.replace(key, data, kept)
                return True
            return await backend.create(key, data, kept)

        return await self._put(key, put, replace) or await self._is(key, record or record_of(data))

    async def publish_large(self, key: str, large: LargeObject, *, replace: bool = False) -> bool:
        """:meth:`publish` what is in a file; what was uploaded, and is not ours now, is still there afterwards."""

        async def put(backend: Backend, attempt: RequestAttempt) -> bool:
            return await complete(backend, attempt, key, large, replace=replace)

        record = large.file.record
        try:
            first = await self._put(key, put, replace)
        except UploadLost:  # swept as stale, or completed although the reply was lost
            large.upload = ""
            if await self._is(key, record):
                return True
            await upload(self._connection, key, large)
            first = await self._put(key, put, replace)
        if first:
            large.upload = ""
        return first or await self._is(key, record)

    async def _put(self, key: str, put: Put, replace: bool) -> bool:
        looks_first = not (replace or self._keeps)

        async def attempt_it(backend: Backend, attempt: RequestAttempt) -> bool:
            return not (looks_first and await backend.exists(key)) and await put(backend, attempt)

        try:
            return await self._connection.request("publish", key, attempt_it)
        except FileNotFoundError:
            raise no_such_place(self._where) from None

    async def _is(self, key: str, record: bytes) -> bool:
        """Whether the object has these bytes."""
        try:
            status = await self._connection.request("look at", key, lambda backend, _: backend.status(key))
            if status.size != read_record(record).size:
                return False
            stored = status.record or await Ranges(lambda: self._connection, key, status, self._where).record()
        except (FileNotFoundError, OutputNotFound):  # removed meanwhile
            return False
        return of_bytes(stored) == record


def no_such_place(where: str) -> UnknownStorage:
    """The error to raise where even the bucket or container is missing."""
    return UnknownStorage(f"cannot publish in {where}: there is no such bucket, container or directory; make it first")


async def keeps_the_first(connection: Connection, where: str) -> bool:
    """Whether the back end keeps create-if-absent; says so in the log where it does not."""
    key = f"{RESERVED}/probe/{uuid.uuid4().hex}"
    first, second = b"the first publisher", b"another publisher"
    publisher = Publisher(connection, where)
    if not await publisher.publish(key, first):
        return False
    try:
        keeps = not await publisher.publish(key, second)
    finally:
        await connection.remove_many([key])
    if not keeps:
        condition = (await connection.backend()).condition
        logger.warning(
            "%s does not enforce %s: of two engines that publish one output at the same time, the last wins instead of "
            "the first",
            *(where, condition),
        )
    return keeps
