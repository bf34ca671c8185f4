"""Copies that S3 makes itself, and only where there is nothing yet.

One request copies (``CopyObject``), and most servers keep its condition that there is none yet; whether this one does
is tried once, with objects of ours. Where it does not, and for what is larger than one request may copy, a multipart
upload is made of parts of the other object, and completed with the condition that publishing rests on.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from alexflow.storage.bounded import for_each
from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.backend_errors import meaning_of, status_of

#: More is not copied by one request.
LARGEST = 5 * 1024**3  # bytes
PARTS_AT_ONCE = 4

ABSENT = {"IfNoneMatch": "*"}

_At = Mapping[str, str]


class S3Copies:
    """Copies to a bucket from it or another of the same server.

    Args:
        client: aiobotocore's.
        at: where an object of the bucket is, as its requests name it.
    """

    def __init__(self, client: Any, at: Callable[[str], _At]):
        self._client = client
        self._at = at
        self._keeps: bool | None = None  # the condition, when one request copies

    async def copy(self, source: _At, key: str, metadata: Mapping[str, str]) -> bool:
        """Whether the copy is there now; False if something was there before.

        Args:
            source: of what.
            key: the copy's.
            metadata: what is kept with it; of none, what is kept with the source.
        """
        other = {"MetadataDirective": "REPLACE", "Metadata": metadata} if metadata else {}
        target = self._at(key)
        if self._keeps is None:
            self._keeps = await self._try()
        try:
            if self._keeps:
                try:
                    await self._client.copy_object(**target, CopySource=source, **other, **ABSENT)
                    return True
                except Exception as error:  # of botocore's, which is not imported here
                    if status_of(error) != 400:  # else it is too large
                        raise
            await self._copy_in_parts(source, target, metadata)
        except Exception as error:  # as above
            if meaning_of(error) == "exists":
                return False
            raise
        return True

    async def _try(self) -> bool:
        """Whether a copy onto something is refused."""
        probe = self._at(f"{RESERVED}/probe/{uuid.uuid4().hex}")
        await self._client.put_object(**probe, Body=b"", Metadata={"probe": "first"})
        try:
            await self._client.copy_object(
                **probe, CopySource=probe, MetadataDirective="REPLACE", Metadata={"probe": "second"}, **ABSENT
            )
        except Exception as error:  # as above; or of a client that does not know the condition
            return meaning_of(error) == "exists"
        finally:
            await self._client.delete_object(**probe)
        return False

    async def _copy_in_parts(self, source: _At, target: _At, metadata: Mapping[str, str]) -> None:
        found = await self._client.head_object(**source)
        size, metadata = int(found["ContentLength"]), metadata or found.get("Metadata", {})
        if not size:  # a part cannot be a range of nothing
            await self._client.put_object(**target, Body=b"", Metadata=metadata, **ABSENT)
            return
        upload = (await self._client.create_multipart_upload(**target, Metadata=metadata))["UploadId"]
        try:
            etags = await self._parts(source, target, upload, size)
            parts = [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]
            await self._client.complete_multipart_upload(
                **target, UploadId=upload, MultipartUpload={"Parts": parts}, **ABSENT
            )
        except BaseException:
            try:
                await self._client.abort_multipart_upload(**target, UploadId=upload)
            except Exception:  # what went wrong before is what counts; and it is swept in time
                pass
            raise

    async def _parts(self, source: _At, target: _At, upload: str, size: int) -> dict[int, str]:
        etags: dict[int, str] = {}
        step = LARGEST // 10

        async def copy(start: int) -> None:
            number = start // step + 1
            stop = min(start + step, size) - 1
            reply = await self._client.upload_part_copy(
                **target, UploadId=upload, PartNumber=number, CopySource=source, CopySourceRange=f"bytes={start}-{stop}"
            )
            etags[number] = reply["CopyPartResult"]["ETag"]

        await for_each(range(0, size, step), copy, PARTS_AT_ONCE)
        return etags
