"""Large objects: uploaded from a local file in parts, not visible until they are completed.

Uploading comes while the task is at work, completing when it has returned, so publishing is one short request. The file
stays until then: the task may read back what it stored, and should the upload be swept as stale, because this process
stood still for days, it is uploaded again.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field

from alexflow.storage.background import for_each, in_thread
from alexflow.storage.digest import with_key
from alexflow.storage.local.new_file import NewFile, at_open
from alexflow.storage.remote.backends.base import Backend, Parts
from alexflow.storage.remote.connection import UPLOADED_PARTS_AT_ONCE, Connection
from alexflow.storage.remote.retry import RequestAttempt

#: Larger objects do not wait in memory.
MAX_BYTES_IN_MEMORY = 16 * 1024 * 1024  # bytes

PART_BYTES = 5 * 1024 * 1024  # bytes; S3 takes no less

#: Completing gets the time of a transfer of this size for each part: servers may assemble the object meanwhile.
COMPLETION_BYTES_PER_PART = 1024 * 1024  # bytes

#: Time limit of aborting, which is optional: incomplete uploads are swept in time.
SECONDS_TO_ABORT = 5.0


@dataclass(slots=True)
class LargeObject:
    """A large object on its way.

    Attributes:
        file: all of it, and its digest records bytes.
        size: bytes.
        upload: the back end's name for what has been uploaded; empty where it takes the file at once.
        parts: the entry of each part, for completing.
    """

    file: NewFile
    size: int
    upload: str = ""
    parts: list[str] = field(default_factory=list)


async def upload(connection: Connection, key: str, large: LargeObject) -> None:
    """Upload all of it, where the back end can do so without publishing it.

    Raises:
        StorageError: it did not succeed; nothing is left of it there.
    """
    parts = (await connection.backend()).parts
    if parts is None:
        return
    record = with_key(large.file.record, key)
    large.upload = await connection.request(
        "begin to upload", key, lambda backend, _: _parts(backend).begin(key, record)
    )
    try:
        large.parts = await _send(connection, key, large, max(PART_BYTES, -(-large.size // parts.most)))
    except BaseException:
        await forget(connection, key, large)
        raise


async def _send(connection: Connection, key: str, large: LargeObject, step: int) -> list[str]:
    entries: dict[int, str] = {}
    name = large.upload

    async def send(start: int) -> None:
        async with connection.parts:
            number, data = start // step + 1, await in_thread(os.pread, large.file.fd, step, start)

            async def one(backend: Backend, attempt: RequestAttempt) -> str:
                attempt.allow(len(data))
                return await _parts(backend).send(key, name, number, data)

            entries[number] = await connection.request("upload a part of", key, one)

    await for_each(range(0, large.size, step), send, UPLOADED_PARTS_AT_ONCE)
    return [entries[number] for number in sorted(entries)]


async def complete(backend: Backend, attempt: RequestAttempt, key: str, large: LargeObject, *, replace: bool) -> bool:
    """Make it visible; False if there is something already."""
    record = with_key(large.file.record, key)
    if backend.parts is None:
        attempt.allow(large.size)
        return await backend.put_file(key, at_open(large.file), record, replace=replace)
    attempt.allow(len(large.parts) * COMPLETION_BYTES_PER_PART)
    return await backend.parts.complete(key, large.upload, large.parts, record, replace=replace)


async def forget(connection: Connection, key: str, large: LargeObject) -> None:
    """Abort an upload, if the back end answers; what is left is swept in time."""
    name, large.upload = large.upload, ""
    if not name:
        return
    try:
        async with asyncio.timeout(SECONDS_TO_ABORT):
            await _parts(await connection.backend()).abort(key, name)
    except Exception:  # the first error counts
        pass


def _parts(backend: Backend) -> Parts:
    assert backend.parts is not None
    return backend.parts
