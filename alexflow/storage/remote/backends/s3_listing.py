"""S3's listings, with their keys taken out before botocore looks at them."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import unquote_plus

from alexflow.storage.remote.backends.base import Pages

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
