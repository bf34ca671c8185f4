"""S3, through the client that s3fs opens.

s3fs knows every option, credential and endpoint; the requests are made on its client directly, so that each is one
request, tried once, with the server's own answer: create-if-absent is ``If-None-Match: *``, for whole objects and for
completed multipart uploads. A multipart upload that does not come to its end is aborted.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from alexflow.storage.remote.backend import Backend, Pages, Status
from alexflow.storage.remote.bounded import for_each
from alexflow.storage.remote.faults import meaning_of
from alexflow.storage.remote.patience import Attempt

#: Larger objects are uploaded in parts.
LARGE = 16 * 1024 * 1024  # bytes
PART = 8 * 1024 * 1024  # bytes; S3 takes no less than 5 MiB, and no more than 10,000 parts
MOST_PARTS = 10_000
PARTS_AT_ONCE = 4


class S3Backend(Backend):
    """A bucket, or what is below a prefix in it.

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

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    async def exists(self, key: str) -> bool:
        try:
            await self._client.head_object(**self._at(key))
        except Exception as error:  # of botocore's, which is not imported here
            if meaning_of(error) == "absent":
                return False
            raise
        return True

    async def read(self, key: str, attempt: Attempt) -> bytes:
        reply = await self._client.get_object(**self._at(key))
        attempt.allow(reply["ContentLength"])
        async with reply["Body"] as body:
            data: bytes = await body.read()
        return data

    async def status(self, key: str) -> Status:
        found = await self._client.head_object(**self._at(key))
        version = f"{found.get('VersionId', '')} {found.get('ETag', '')} {found.get('LastModified', '')}"
        return Status(int(found["ContentLength"]), version)

    async def create(self, key: str, data: bytes) -> bool:
        try:
            await self._put(key, data, {"IfNoneMatch": "*"})
        except Exception as error:  # as above
            if meaning_of(error) == "exists":
                return False
            raise
        return True

    async def replace(self, key: str, data: bytes) -> None:
        await self._put(key, data, {})

    async def _put(self, key: str, data: bytes, condition: dict[str, str]) -> None:
        if len(data) > LARGE:
            await self._put_parts(key, data, condition)
        else:
            await self._client.put_object(**self._at(key), Body=data, **condition)

    async def _put_parts(self, key: str, data: bytes, condition: dict[str, str]) -> None:
        at = self._at(key)
        upload = (await self._client.create_multipart_upload(**at))["UploadId"]
        try:
            parts = await self._upload(at, upload, data)
            await self._client.complete_multipart_upload(
                **at, UploadId=upload, MultipartUpload={"Parts": parts}, **condition
            )
        except BaseException:
            await self._abort(at, upload)
            raise

    async def _upload(self, at: dict[str, str], upload: str, data: bytes) -> list[dict[str, Any]]:
        size = max(PART, -(-len(data) // MOST_PARTS))
        view = memoryview(data)
        etags: dict[int, str] = {}

        async def send(start: int) -> None:
            number = start // size + 1
            body = bytes(view[start : start + size])
            reply = await self._client.upload_part(**at, UploadId=upload, PartNumber=number, Body=body)
            etags[number] = reply["ETag"]

        await for_each(range(0, len(data), size), send, PARTS_AT_ONCE)
        return [{"PartNumber": number, "ETag": etags[number]} for number in sorted(etags)]

    async def _abort(self, at: dict[str, str], upload: str) -> None:
        try:
            await self._client.abort_multipart_upload(**at, UploadId=upload)
        except Exception:  # what went wrong before is what counts; buckets have a rule for uploads that nobody ends
            pass

    async def remove(self, keys: Sequence[str]) -> None:
        objects = [{"Key": self._prefix + key} for key in keys]
        reply = await self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True})
        refused = [error for error in reply.get("Errors", ()) if error.get("Code") != "NoSuchKey"]
        if refused:
            raise OSError(f"{len(refused)} were not removed: {refused[0].get('Code')} {refused[0].get('Message')}")

    def pages(self, prefix: str) -> Pages:
        return _S3Pages(self._client, self._bucket, self._prefix, prefix)

    async def aclose(self) -> None:
        await self._client.close()


class _S3Pages(Pages):
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


async def open_s3(fs: Any) -> Any:
    """The client behind an ``S3FileSystem``."""
    client = await fs.set_session()
    client.meta.events.register("before-parse.s3.ListObjectsV2", take_keys)
    return client


def s3_options(given: dict[str, Any], concurrency: int) -> dict[str, Any]:
    """What s3fs is told besides: as many connections as requests, and no attempts but ours."""
    config = {"max_pool_connections": concurrency, "retries": {"total_max_attempts": 1}}
    return {"config_kwargs": {**config, **given.get("config_kwargs", {})}}
