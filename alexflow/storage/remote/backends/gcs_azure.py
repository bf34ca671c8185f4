"""Google Cloud Storage and Azure's blobs, through fsspec's asynchronous adapters."""

from __future__ import annotations

import contextlib
import os
import uuid
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from alexflow.storage.background import in_thread
from alexflow.storage.remote.backend_errors import meaning_of
from alexflow.storage.remote.backends.base import (
    COPY_ALLOWANCE_BYTES,
    Backend,
    ObjectStatus,
    OnePage,
    Pages,
    Parts,
    UploadLost,
    check_odd,
    metadata_of,
)
from alexflow.storage.remote.retry import RequestAttempt


class ObjectBackend(Backend):
    """A bucket or container, or the part below a prefix of it.

    Args:
        fs: an asynchronous file system of fsspec's.
        root: ``bucket`` or ``bucket/prefix``.
        refused: characters that its client does not bring to the server as they are.
    """

    def __init__(self, fs: Any, root: str, refused: str = ""):
        self._fs = fs
        self._refused = refused
        self._root = root + "/"

    async def exists(self, key: str) -> bool:
        try:
            await self.status(key)
        except FileNotFoundError:
            return False
        return True

    async def read(self, key: str, attempt: RequestAttempt) -> bytes:
        data: bytes = await self._fs._cat_file(self._root + key)
        return data

    async def read_range(self, key: str, start: int, stop: int, attempt: RequestAttempt) -> tuple[bytes, str]:
        return await self._fs._cat_file(self._root + key, start=start, end=stop), ""

    async def status(self, key: str) -> ObjectStatus:
        found = await self._fs._info(self._root + key)
        if found["type"] != "file":
            raise FileNotFoundError(key)
        return self.status_of(found)

    async def create(self, key: str, data: bytes, record: bytes = b"") -> bool:
        check_odd(key, self._refused)
        return await self._put(key, data, record, replace=False)

    async def replace(self, key: str, data: bytes, record: bytes = b"") -> None:
        check_odd(key, self._refused)
        await self._put(key, data, record, replace=True)

    @abstractmethod
    async def _put(self, key: str, data: bytes, record: bytes, *, replace: bool) -> bool:
        """Store an object; False if there is one that is to stay."""

    async def remove(self, keys: Sequence[str]) -> None:
        for key in keys:
            with contextlib.suppress(FileNotFoundError):
                await self._fs._rm_file(self._root + key)

    def pages(self, prefix: str) -> Pages:
        directory, _, name = (self._root + prefix).rpartition("/")

        async def fetch() -> list[str]:
            try:
                found = await self._fs._find(directory, prefix=name)
            except FileNotFoundError:
                return []
            keys = [path[len(self._root) :] for path in found if path.startswith(self._root)]
            return [key for key in keys if key.startswith(prefix)]

        return OnePage(fetch)

    async def aclose(self) -> None:
        client = getattr(self._fs, "session", None) or getattr(self._fs, "service_client", None)
        if client is not None:
            await client.close()


#: The part of a large object that is in memory at once.
UPLOAD_CHUNK_BYTES = 8 * 1024 * 1024  # bytes; a multiple of 256 KiB, as the server wants it


class GoogleBackend(ObjectBackend):
    """A bucket, or the part below a prefix of it."""

    condition: ClassVar[str] = "ifGenerationMatch=0"

    async def _put(self, key: str, data: bytes, record: bytes, *, replace: bool) -> bool:
        try:
            await self._fs._pipe_file(self._root + key, data, **_how(record, replace))
        except FileExistsError:
            return False
        return True

    async def put_file(self, key: str, path: str, record: bytes, *, replace: bool) -> bool:
        if not replace and await self.exists(key):  # the condition fails only when all has been sent
            return False
        from gcsfs.core import initiate_upload, upload_chunk  # deferred: an extra's

        bucket, name, _ = self._fs.split_path(self._root + key)
        size = await in_thread(os.path.getsize, path)
        try:
            upload = await initiate_upload(self._fs, bucket, name, _TYPE, **_how(record, replace))
            try:
                for start in range(0, size, UPLOAD_CHUNK_BYTES):
                    await upload_chunk(self._fs, upload, await in_thread(_read, path, start), start, size, _TYPE)
            except BaseException:
                with contextlib.suppress(Exception):  # the first error counts
                    await self._fs._call("DELETE", upload.replace("&ifGenerationMatch=0", ""))
                raise
        except Exception as error:  # of gcsfs's, by its meaning
            if meaning_of(error) == "exists":
                return False
            raise
        return True

    async def copy(
        self, source: Backend, of: str, key: str, attempt: RequestAttempt, record: bytes = b""
    ) -> bool | None:
        if not isinstance(source, GoogleBackend) or record:
            return None
        if await self.exists(key):
            return False
        attempt.allow(COPY_ALLOWANCE_BYTES)
        parts = [part for path in (source._root + of, self._root + key) for part in self._fs.split_path(path)[:2]]
        asked: dict[str, Any] = {"ifGenerationMatch": "0"}
        try:
            while True:  # a large one comes in several steps, and is visible after the last
                reply = await self._fs._call("POST", "b/{}/o/{}/rewriteTo/b/{}/o/{}", *parts, json_out=True, **asked)
                if reply["done"]:
                    return True
                asked["rewriteToken"] = reply["rewriteToken"]
        except Exception as error:  # of gcsfs's, by its meaning
            if meaning_of(error) == "exists":
                return False
            raise


def _read(path: str, start: int) -> bytes:
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(UPLOAD_CHUNK_BYTES)


_TYPE = "application/octet-stream"


def _how(record: bytes, replace: bool) -> dict[str, Any]:
    return {"metadata": metadata_of(record), "mode": "overwrite" if replace else "create"}


class AzureBackend(ObjectBackend):
    """A container, or the part below a prefix of it."""

    condition: ClassVar[str] = "If-None-Match"

    def __init__(self, fs: Any, root: str):
        super().__init__(fs, root, refused="#?\n\r")
        self.parts = AzureParts(self._blob)

    def _blob(self, key: str) -> Any:
        check_odd(key, self._refused)
        container, path, _ = self._fs.split_path(self._root + key)
        return self._fs.service_client.get_blob_client(container, path)

    async def _put(self, key: str, data: bytes, record: bytes, *, replace: bool) -> bool:
        from azure.core.exceptions import ResourceExistsError  # deferred: an extra's

        try:
            await self._blob(key).upload_blob(data, overwrite=replace, metadata=_metadata(record))
        except ResourceExistsError:
            return False
        return True


class AzureParts(Parts):
    """Blocks.

    Args:
        blob: gives the client for a key.
    """

    most: ClassVar[int] = 50_000

    def __init__(self, blob: Callable[[str], Any]):
        self._blob = blob

    async def begin(self, key: str, record: bytes) -> str:
        self._blob(key)
        return uuid.uuid4().hex  # separates its blocks from those of others

    async def send(self, key: str, upload: str, number: int, data: bytes) -> str:
        name = f"{upload}-{number:06d}"  # all of one length, as the server wants it
        await self._blob(key).stage_block(name, data, length=len(data))
        return name

    async def complete(self, key: str, upload: str, parts: Sequence[str], record: bytes, *, replace: bool) -> bool:
        from azure.core import MatchConditions  # deferred: an extra's
        from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError
        from azure.storage.blob import BlobBlock

        condition = {} if replace else {"match_condition": MatchConditions.IfMissing}
        try:
            await self._blob(key).commit_block_list(
                [BlobBlock(name) for name in parts], metadata=_metadata(record), **condition
            )
        except (ResourceExistsError, ResourceModifiedError):
            return False
        except HttpResponseError as error:
            if (
                getattr(error, "error_code", None) == "InvalidBlockList"
            ):  # another writer's list was committed, and ours is gone with it
                raise UploadLost(f"the upload of {key!r} is not there any more", path=key) from None
            raise
        return True

    async def abort(self, key: str, upload: str) -> None:
        pass


def _metadata(record: bytes) -> dict[str, str]:
    return {"is_directory": "false", **metadata_of(record)}  # the first is for adlfs
