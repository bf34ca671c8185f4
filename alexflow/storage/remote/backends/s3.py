"""S3, through the client that s3fs opens.

s3fs knows every option, credential and endpoint; the requests are made on its client directly, so that each is one
request, tried once, with the server's own answer: create-if-absent is ``If-None-Match: *``, for whole objects, for
completed multipart uploads and for copies. What is recorded of an object is in its metadata.
"""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from alexflow.storage.background import for_each
from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.backend_errors import meaning_of, status_of
from alexflow.storage.remote.backends.base import (
    COPY_ALLOWANCE_BYTES,
    Backend,
    ObjectStatus,
    Pages,
    Parts,
    UploadLost,
    metadata_of,
    record_in,
    stored_at,
)
from alexflow.storage.remote.retry import RequestAttempt

#: Under this name a listing's keys are in the reply.
KEYS = "AlexflowKeys"

_ENTRIES = re.compile(rb"<Contents>.*</Contents>", re.DOTALL)
_KEY = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL)


def take_keys(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take the keys out of a listing before botocore parses it.

    botocore makes a dictionary of each entry, its date included, which takes 50 times as long as finding the keys; a
    thousand of them would hold the event loop up for 50 ms. A handler of its event ``before-parse``.
    """
    body = response_dict.get("body") or b""
    entries = _ENTRIES.search(body)
    if response_dict.get("status_code") != 200 or entries is None:
        return
    encoded = b"<EncodingType>url</EncodingType>" in body
    keys = [html.unescape(key.decode()) for key in _KEY.findall(entries[0])]
    customized_response_dict[KEYS] = [unquote_plus(key) for key in keys] if encoded else keys
    response_dict["body"] = body[: entries.start()] + body[entries.end() :]


class S3Pages(Pages):
    """A listing, page after page.

    Args:
        client: aiobotocore's.
        bucket: the bucket.
        root: where the storage begins in it.
        prefix: how the keys begin.
    """

    def __init__(self, client: Any, bucket: str, root: str, prefix: str):
        self._client = client
        self._asked: dict[str, Any] = {"Bucket": bucket, "Prefix": root + prefix}
        self._cut = len(root)
        self._done = False

    async def next(self) -> list[str] | None:
        if self._done:
            return None
        reply = await self._client.list_objects_v2(**self._asked)
        if reply.get("IsTruncated"):
            self._asked["ContinuationToken"] = reply["NextContinuationToken"]
        else:
            self._done = True
        return [key[self._cut :] for key in reply.get(KEYS, ()) if not key.endswith("/")]


#: More is not copied by one request.
MAX_COPY_BYTES = 5 * 1024**3  # bytes
COPIED_PARTS_AT_ONCE = 4

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
            except Exception:  # the first error counts; the rest is swept in time
                pass
            raise

    async def _parts(self, source: _At, target: _At, upload: str, size: int) -> dict[int, str]:
        etags: dict[int, str] = {}
        step = MAX_COPY_BYTES // 10

        async def copy(start: int) -> None:
            number = start // step + 1
            stop = min(start + step, size) - 1
            reply = await self._client.upload_part_copy(
                **target, UploadId=upload, PartNumber=number, CopySource=source, CopySourceRange=f"bytes={start}-{stop}"
            )
            etags[number] = reply["CopyPartResult"]["ETag"]

        await for_each(range(0, size, step), copy, COPIED_PARTS_AT_ONCE)
        return etags


#: The condition of create-if-absent.


class S3Backend(Backend):
    """A bucket, or the part below a prefix of it.

    Args:
        client: aiobotocore's.
        root: ``bucket`` or ``bucket/prefix``.
    """

    removes_at_once: ClassVar[int] = 1000
    lists_in_pages: ClassVar[bool] = True
    condition: ClassVar[str] = "If-None-Match"

    def __init__(self, client: Any, root: str):
        self._client = client
        self._bucket, _, prefix = root.partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._uploads = self.parts = S3Parts(client, self.at)
        self._copies = S3Copies(client, self.at)

    def at(self, key: str) -> dict[str, str]:
        """The location of an object, as requests name it."""
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    async def exists(self, key: str) -> bool:
        try:
            await self._client.head_object(**self.at(key))
        except Exception as error:  # of botocore's, which is not imported here
            if meaning_of(error) == "absent":
                return False
            raise
        return True

    async def read(self, key: str, attempt: RequestAttempt) -> bytes:
        return (await self._get(attempt, **self.at(key)))[0]

    async def read_range(self, key: str, start: int, stop: int, attempt: RequestAttempt) -> tuple[bytes, str]:
        return await self._get(attempt, **self.at(key), Range=f"bytes={start}-{stop - 1}")

    async def _get(self, attempt: RequestAttempt, **asked: str) -> tuple[bytes, str]:
        reply = await self._client.get_object(**asked)
        attempt.allow(reply["ContentLength"])
        async with reply["Body"] as body:
            data: bytes = await body.read()
        return data, _version(reply)

    async def status(self, key: str) -> ObjectStatus:
        found = await self._client.head_object(**self.at(key))
        size, record = int(found["ContentLength"]), record_in(found.get("Metadata"))
        return ObjectStatus(size, _version(found), record, stored_at(found))

    async def create(self, key: str, data: bytes, record: bytes = b"") -> bool:
        try:
            await self._put(key, data, record, ABSENT)
        except Exception as error:  # as above
            if meaning_of(error) == "exists":
                return False
            raise
        return True

    async def replace(self, key: str, data: bytes, record: bytes = b"") -> None:
        await self._put(key, data, record, {})

    async def _put(self, key: str, data: bytes, record: bytes, condition: dict[str, str]) -> None:
        await self._client.put_object(**self.at(key), Body=data, Metadata=metadata_of(record), **condition)

    async def copy(
        self, source: Backend, of: str, key: str, attempt: RequestAttempt, record: bytes = b""
    ) -> bool | None:
        if not isinstance(source, S3Backend):
            return None
        attempt.allow(COPY_ALLOWANCE_BYTES)
        return await self._copies.copy(source.at(of), key, metadata_of(record))

    async def remove(self, keys: Sequence[str]) -> None:
        objects = [{"Key": self._prefix + key} for key in keys]
        reply = await self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
        refused = [error for error in reply.get("Errors", ()) if error.get("Code") != "NoSuchKey"]
        if refused:
            raise OSError(f"{len(refused)} were not removed: {refused[0].get('Code')} {refused[0].get('Message')}")

    async def sweep(self, before: float) -> int:
        aborted = 0
        asked: dict[str, str] = {"Bucket": self._bucket, "Prefix": self._prefix}
        while True:
            reply = await self._client.list_multipart_uploads(**asked)
            for upload in reply.get("Uploads", ()):
                if upload["Key"].startswith(self._prefix) and upload["Initiated"].timestamp() < before:
                    await self._uploads.abort(upload["Key"][len(self._prefix) :], upload["UploadId"])
                    aborted += 1
            if not reply.get("IsTruncated"):
                return aborted
            asked |= {"KeyMarker": reply["NextKeyMarker"], "UploadIdMarker": reply["NextUploadIdMarker"]}

    def pages(self, prefix: str) -> Pages:
        return S3Pages(self._client, self._bucket, self._prefix, prefix)

    async def aclose(self) -> None:
        await self._client.close()


class S3Parts(Parts):
    """Multipart uploads.

    Args:
        client: aiobotocore's.
        at: where an object is, as its requests name it.
    """

    def __init__(self, client: Any, at: Any):
        self._client = client
        self._at = at

    async def begin(self, key: str, record: bytes) -> str:
        reply = await self._client.create_multipart_upload(**self._at(key), Metadata=metadata_of(record))
        upload: str = reply["UploadId"]
        return upload

    async def send(self, key: str, upload: str, number: int, data: bytes) -> str:
        try:
            reply = await self._client.upload_part(**self._at(key), UploadId=upload, PartNumber=number, Body=data)
        except Exception as error:  # as above
            raise _lost(error, key) from None
        etag: str = reply["ETag"]
        return etag

    async def complete(self, key: str, upload: str, parts: Sequence[str], record: bytes, *, replace: bool) -> bool:
        completed = {"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(parts, 1)]}
        condition = {} if replace else ABSENT
        try:
            await self._client.complete_multipart_upload(
                **self._at(key), UploadId=upload, MultipartUpload=completed, **condition
            )
        except Exception as error:  # as above
            if meaning_of(error) == "exists":
                return False
            raise _lost(error, key) from None
        return True

    async def abort(self, key: str, upload: str) -> None:
        try:
            await self._client.abort_multipart_upload(**self._at(key), UploadId=upload)
        except Exception as error:  # as above
            if not isinstance(_lost(error, key), UploadLost):
                raise


def _version(reply: Mapping[str, Any]) -> str:
    return f"{reply.get('VersionId', '')} {reply.get('ETag', '')} {reply.get('LastModified', '')}"


def _lost(error: Exception, key: str) -> Exception:
    """An upload that is not there is a 404, as a missing bucket is."""
    response: dict[str, Any] = getattr(error, "response", None) or {}
    if response.get("Error", {}).get("Code") == "NoSuchUpload":
        return UploadLost(f"the upload of {key!r} is not there any more", path=key)
    return error


async def open_s3(fs: Any) -> Any:
    """The client behind an ``S3FileSystem``."""
    client = await fs.set_session()
    events = client.meta.events
    events.register("before-parse.s3.ListObjectsV2", take_keys)
    asked = {**fs.s3_additional_kwargs, **fs.req_kw}
    if asked:

        def ask(params: dict[str, Any], model: Any, **_: Any) -> None:
            """Add to a request what the user wants of all requests that know it, as s3fs does with its own."""
            params |= {name: value for name, value in asked.items() if name in model.input_shape.members}

        events.register("before-parameter-build.s3", ask)
    return client


def s3_options(given: dict[str, Any], concurrency: int) -> dict[str, Any]:
    """Options added for s3fs: as many connections as requests, and no retries of its own."""
    config = {"max_pool_connections": concurrency, "retries": {"total_max_attempts": 1}}
    return {"config_kwargs": {**config, **given.get("config_kwargs", {})}}
