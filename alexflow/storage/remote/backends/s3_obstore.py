"""S3 with ``client="obstore"``: many small requests at a quarter of what they cost the processor.

Most of alexflow's requests are for one object: does it exist, read it, create it if absent. These go
through obstore, a client in Rust. All else stays with the client that s3fs opens
(:mod:`alexflow.storage.remote.backends.s3`), because obstore has no way to say it: complete an upload in parts only if
the object is absent, list what begins with half a name, take a key with control characters, read the metadata of an
object without reading it.

s3fs's client also says how the other one reaches the bucket: the address as botocore makes it, and credentials as its
session finds and refreshes them. So there is one set of options, and credentials are looked for in one place. An option
without a counterpart in obstore is refused, never dropped.

obstore works in threads of its own, which a forked process does not inherit: there it would wait for ever, so the other
client does all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alexflow.errors import UnknownStorage
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backends.base import metadata_of
from alexflow.storage.remote.backends.s3 import S3Backend
from alexflow.storage.remote.retry import RequestAttempt
from alexflow.storage.remote.threads import run_in_daemon_thread

#: Options of s3fs's for the bucket's location and the credentials. They reach obstore through what s3fs makes of them.
_UNDERSTOOD = {
    "": {"anon", "client_kwargs", "config_kwargs", "endpoint_url", "key", "password", "profile", "secret", "session"}
    | {"token", "use_ssl", "username"},
    "client_kwargs": {"endpoint_url", "region_name", "use_ssl", "verify"},
    "config_kwargs": {"max_pool_connections", "s3", "signature_version"},
}

#: Keys that obstore does not take: with control characters, or steps that are empty, ``.`` or ``..``.
_ODD = re.compile(r"[\x00-\x1f\x7f]|(?:^|/)\.{0,2}(?:/|$)")

#: botocore's session gives credentials that are good for longer than this, and new ones before.
_GOOD_FOR = timedelta(minutes=10)

_FOREVER = timedelta(days=1)  # deadlines are others' business

_GLOBAL = re.compile(r"(://(?:[^/]+\.)?s3)\.(amazonaws\.com(?:/|$))")

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_SAID = re.compile(r"<Code>(.*?)</Code>.*?<Message>(.*?)</Message>", re.DOTALL)
_INSIDE = "Debug source:"  # what follows is for obstore's developers

_threads_begun = False
_threads_lost = False


class Answered(Exception):
    """The server's answer, an error, with its status.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


def check(address: Address) -> None:
    """Check that all options have a counterpart in obstore.

    Raises:
        UnknownStorage: it cannot.
    """
    if address.protocol not in ("s3", "s3a"):
        raise UnknownStorage(f"client='obstore' is for s3:// and not for {address.shown}; leave it out")
    for place, understood in _UNDERSTOOD.items():
        odd = sorted(set(address.options.get(place) or () if place else address.options) - understood)
        if odd:
            what = ", ".join(odd) + (f" in {place}" if place else "")
            raise UnknownStorage(
                f"client='obstore' of {address.shown} has no counterpart of {what}; leave out one or the other"
            )


def load(address: Address) -> Any:
    """The class of obstore's stores of S3.

    Raises:
        UnknownStorage: it is not installed.
    """
    try:
        from obstore.store import S3Store  # deferred: an extra's
    except ImportError as error:
        raise UnknownStorage(
            f"client='obstore' of {address.shown} is not installed ({error}); pip install \"alexflow[obstore]\""
        ) from None
    return S3Store


async def attach_obstore(fs: Any, client: Any, root: str, address: Address) -> S3Backend:
    """The back end that makes through obstore the requests that obstore can make.

    Args:
        fs: s3fs's file system.
        client: that of ``fs``.
        root: ``bucket`` or ``bucket/prefix``.
        address: where, with all options.
    """
    global _threads_begun
    credentials = None if fs.anon else await _credentials(fs)
    if _threads_lost or (credentials is None and not fs.anon):  # that client says so as it always does
        return S3Backend(client, root)
    _threads_begun = True
    bucket = root.partition("/")[0]
    place = await place_of(client, bucket)

    def make() -> Any:
        return load(address)(
            bucket,
            endpoint=place,
            virtual_hosted_style_request=True,  # the bucket is in it
            region=client.meta.region_name,
            client_options=_connecting(place, address),
            retry_config={"max_retries": 0},
            credential_provider=credentials,
            skip_signature=fs.anon,
        )

    return S3ByObstore(client, root, await run_in_daemon_thread(make))  # it reads certificates


async def place_of(client: Any, bucket: str) -> str:
    """The bucket's URL, as options, environment and profile have it."""
    url: str = await client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "key"})
    place = url.partition("?")[0].removesuffix("/key")
    # botocore signs for one address of all regions, and sends to the region's own
    return _GLOBAL.sub(rf"\1.{client.meta.region_name}.\2", place)


async def _credentials(fs: Any) -> Callable[[], Any] | None:
    """A provider of credentials for obstore; None if there are none."""
    if fs.key and fs.secret:
        return lambda: _told(fs.key, fs.secret, fs.token, None)
    found = await fs.session.get_credentials()
    if found is None:
        return None

    async def refreshed() -> dict[str, Any]:
        frozen = await found.get_frozen_credentials()
        return _told(frozen.access_key, frozen.secret_key, frozen.token, datetime.now(UTC) + _GOOD_FOR)

    return refreshed


def _told(key: str, secret: str, token: str | None, until: datetime | None) -> dict[str, Any]:
    return {"access_key_id": key, "secret_access_key": secret, "token": token, "expires_at": until}


def _connecting(place: str, address: Address) -> dict[str, Any]:
    options: dict[str, Any] = {"timeout": _FOREVER}
    if place.startswith("http://"):
        options["allow_http"] = True
    verify = (address.options.get("client_kwargs") or {}).get("verify")
    verify = os.environ.get("AWS_CA_BUNDLE") if verify is None else verify
    if verify is False:
        options["allow_invalid_certificates"] = True
    elif isinstance(verify, str):
        options["root_certificate"] = Path(verify).read_bytes()
    return options


class S3ByObstore(S3Backend):
    """A bucket, or the part below a prefix of it.

    Args:
        client: aiobotocore's, for what obstore cannot do.
        root: ``bucket`` or ``bucket/prefix``.
        store: obstore's, for the bucket.
    """

    def __init__(self, client: Any, root: str, store: Any):
        super().__init__(client, root)
        self._store = store

    async def exists(self, key: str) -> bool:
        path = self._prefix + key
        if _ODD.search(path):
            return await super().exists(key)
        try:
            with _translating_errors():
                await self._store.head_async(path)
        except FileNotFoundError:
            return False
        return True

    async def read(self, key: str, attempt: RequestAttempt) -> bytes:
        path = self._prefix + key
        if _ODD.search(path):
            return await super().read(key, attempt)
        with _translating_errors():
            reply = await self._store.get_async(path)
            attempt.allow(reply.meta["size"])
            data: bytes = (await reply.bytes_async()).to_bytes()
        return data

    async def _put(self, key: str, data: bytes, record: bytes, condition: dict[str, str]) -> None:
        path = self._prefix + key
        if _ODD.search(path):
            await super()._put(key, data, record, condition)
            return
        mode = "create" if condition else "overwrite"
        with _translating_errors():
            await self._store.put_async(path, data, mode=mode, use_multipart=False, attributes=metadata_of(record))


@contextmanager
def _translating_errors() -> Iterator[None]:
    """Raise obstore's errors in a form that :mod:`~alexflow.storage.remote.backend_errors` recognizes."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # obstore's, which have the status in their text only
        raise _translate(error) from None


def _translate(error: Exception) -> Exception:
    text = " ".join(str(error).partition(_INSIDE)[0].split())
    status, said = _STATUS.search(text), _SAID.search(text)
    if status is not None:
        return Answered(int(status[1]), f"{said[1]}: {said[2]}" if said is not None else text)
    if type(error).__name__ == "GenericError":  # no answer, or half of one
        return ConnectionError(text)
    return error


def _note_fork() -> None:
    global _threads_lost
    _threads_lost = _threads_begun


os.register_at_fork(after_in_child=_note_fork)
