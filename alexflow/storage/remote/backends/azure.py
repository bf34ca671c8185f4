"""Azure's blobs, through the client that adlfs opens. What is recorded of a blob is in its metadata.

A large one is uploaded as blocks, which are nothing to anybody until a list of them is committed. Blocks that are in no
list Azure itself removes after a week.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from alexflow.storage.remote.backends.base import Parts, UploadLost, check_odd, metadata_of
from alexflow.storage.remote.backends.objects import ObjectBackend


class AzureBackend(ObjectBackend):
    """A container, or what is below a prefix in it."""

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
        return uuid.uuid4().hex  # tells its blocks from those of others

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
            ):  # somebody else's list was committed, and ours went with it
                raise UploadLost(f"the upload of {key!r} is not there any more", path=key) from None
            raise
        return True

    async def abort(self, key: str, upload: str) -> None:
        pass


def _metadata(record: bytes) -> dict[str, str]:
    return {"is_directory": "false", **metadata_of(record)}  # the first is for adlfs
