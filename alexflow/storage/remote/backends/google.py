"""Google Cloud Storage, through gcsfs. What is recorded of an object is in its metadata."""

from __future__ import annotations

import contextlib
import os
from typing import Any, ClassVar

from alexflow.storage.background import in_thread
from alexflow.storage.remote.backend_errors import meaning_of
from alexflow.storage.remote.backends.base import Backend, metadata_of
from alexflow.storage.remote.backends.objects import ObjectBackend
from alexflow.storage.remote.retry import Attempt

#: What of a large object is in memory at once.
CHUNK = 8 * 1024 * 1024  # bytes; a multiple of 256 KiB, as the server wants it

#: What a copy is given the time of, since it is made out of sight.
COPYING = 256 * 1024 * 1024  # bytes


class GoogleBackend(ObjectBackend):
    """A bucket, or what is below a prefix in it."""

    condition: ClassVar[str] = "ifGenerationMatch=0"

    async def _put(self, key: str, data: bytes, record: bytes, *, replace: bool) -> bool:
        try:
            await self._fs._pipe_file(self._root + key, data, **_how(record, replace))
        except FileExistsError:
            return False
        return True

    async def put_file(self, key: str, path: str, record: bytes, *, replace: bool) -> bool:
        if not replace and await self.exists(key):  # the condition would tell only when all has been sent
            return False
        from gcsfs.core import initiate_upload, upload_chunk  # deferred: an extra's

        bucket, name, _ = self._fs.split_path(self._root + key)
        size = await in_thread(os.path.getsize, path)
        try:
            upload = await initiate_upload(self._fs, bucket, name, _TYPE, **_how(record, replace))
            try:
                for start in range(0, size, CHUNK):
                    await upload_chunk(self._fs, upload, await in_thread(_read, path, start), start, size, _TYPE)
            except BaseException:
                with contextlib.suppress(Exception):  # what went wrong before is what counts
                    await self._fs._call("DELETE", upload.replace("&ifGenerationMatch=0", ""))
                raise
        except Exception as error:  # of gcsfs's, by its meaning
            if meaning_of(error) == "exists":
                return False
            raise
        return True

    async def copy(self, source: Backend, of: str, key: str, attempt: Attempt, record: bytes = b"") -> bool | None:
        if not isinstance(source, GoogleBackend) or record:
            return None
        if await self.exists(key):
            return False
        attempt.allow(COPYING)
        parts = [part for path in (source._root + of, self._root + key) for part in self._fs.split_path(path)[:2]]
        asked: dict[str, Any] = {"ifGenerationMatch": "0"}
        try:
            while True:  # a large one comes in several steps, and is visible after the last
                told = await self._fs._call("POST", "b/{}/o/{}/rewriteTo/b/{}/o/{}", *parts, json_out=True, **asked)
                if told["done"]:
                    return True
                asked["rewriteToken"] = told["rewriteToken"]
        except Exception as error:  # of gcsfs's, by its meaning
            if meaning_of(error) == "exists":
                return False
            raise


def _read(path: str, start: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(CHUNK)


_TYPE = "application/octet-stream"


def _how(record: bytes, replace: bool) -> dict[str, Any]:
    return {"metadata": metadata_of(record), "mode": "overwrite" if replace else "create"}
