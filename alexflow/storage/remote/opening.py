"""From an address to its back end, opened for the running event loop.

What takes time is done in a thread: importing packages, making file systems, reading botocore's descriptions of S3
(half a second, once a process).
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import fsspec

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import StorageError, UnknownStorage
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backend_errors import describe_error
from alexflow.storage.remote.backends.base import Backend
from alexflow.storage.remote.connection import Connection
from alexflow.storage.remote.threads import run_in_daemon_thread

#: The extra of alexflow's that brings the back end of a protocol.
EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "sftp": "sftp",
    "ssh": "sftp",
    "webdav": "webdav",
    "webdavs": "webdav",
    "dav": "webdav",
    "davs": "webdav",
}

#: Protocols that fsspec can only read.
_READ_ONLY = frozenset({"http", "https", "data", "git", "github", "gist", "jupyter", "reference", "zip", "tar"})

#: WebDAV is HTTP under another name.
_HTTP = {"webdav": "http", "dav": "http", "webdavs": "https", "davs": "https"}

#: fsspec gives its instances out again, and they would hold on to an event loop that has ended.
_UNSHARED = {"skip_instance_cache": True}


def check_protocol(address: Address) -> None:
    """Check that the protocol has a back end, without importing it.

    Raises:
        UnknownStorage: it has none.
    """
    known = address.protocol in EXTRAS or address.protocol in fsspec.available_protocols()
    if not known or address.protocol in _READ_ONLY:
        raise UnknownStorage(
            f"no storage is known for {address.protocol}:// in {address.shown!r}; use a directory, file://, memory://, "
            f"s3://, gs://, az://, sftp://, webdav://, or another URL that fsspec knows"
        )


def check_client(address: Address, client: str) -> None:
    """Check that a client that is asked for by name supports the address, without importing it.

    Raises:
        UnknownStorage: it cannot.
    """
    if client != "obstore":
        raise UnknownStorage(f"client of {address.shown} may be 'obstore', and not {client!r}")
    from alexflow.storage.remote.backends import s3_obstore  # deferred: few ask for it

    s3_obstore.check(address)


def load_all(address: Address, client: str | None) -> None:
    """Load what a storage needs, which takes a second the first time.

    Raises:
        UnknownStorage: something is not installed.
    """
    load(address)
    if client is not None:
        from alexflow.storage.remote.backends import s3_obstore  # deferred, as above

        s3_obstore.load(address)


def load(address: Address) -> Any:
    """The class of its file system; takes a second the first time.

    Raises:
        UnknownStorage: there is none, or its package is not installed.
    """
    extra = EXTRAS.get(address.protocol)
    try:
        if address.protocol in _HTTP:
            from webdav4.fsspec import WebdavFileSystem  # deferred: comes with an extra

            return WebdavFileSystem
        if extra == "sftp":
            from fsspec.implementations.sftp import SFTPFileSystem  # deferred, as above

            return SFTPFileSystem
        return fsspec.get_filesystem_class(address.protocol)
    except ImportError as error:
        need = f'pip install "alexflow[{extra}]"' if extra else "install what it needs"
        raise UnknownStorage(f"{address.shown} needs a package that is not installed ({error}); {need}") from None


def provide(address: Address, **options: Any) -> tuple[Any, str]:
    """A file system of its own, and the storage's root in it, without a slash at its end.

    Args:
        address: where.
        options: added to the address's.

    Raises:
        UnknownStorage: it cannot be made as described.
    """
    cls = load(address)
    options = {**_UNSHARED, **address.options, **options}
    try:
        if address.protocol in _HTTP:
            fs, root = _webdav(cls, address, options)
        else:
            fs, root = _by_url(cls, address, options)
    except StorageError:
        raise
    except (OSError, EOFError):  # the way to the server
        raise
    except Exception as error:  # a back end's own check of its options: whatever it raises, it is about them
        raise UnknownStorage(f"cannot open {address.shown}: {address.redact(describe_error(error))}") from None
    return fs, root.rstrip("/")


def _by_url(cls: Any, address: Address, options: dict[str, Any]) -> tuple[Any, str]:
    parsed = cls._get_kwargs_from_urls(address.url)  # what fsspec's own url_to_fs asks for
    root: str = cls._strip_protocol(address.url)
    return cls(**{**parsed, **options}), root


def _webdav(cls: Any, address: Address, options: dict[str, Any]) -> tuple[Any, str]:
    if address.user:
        options.setdefault("auth", (address.user, address.password))
    base = options.pop("base_url", None)
    if base is not None:
        return cls(base, **options), address.rest.partition("/")[2]
    host, _, path = address.rest.partition("/")
    return cls(f"{_HTTP[address.protocol]}://{host}", **options), path


#: Listings are asked for anew each time: others write here too.
_ASYNCHRONOUS = {"asynchronous": True, "use_listings_cache": False}


async def open_backend(address: Address, concurrency: int, client: str | None = None) -> Backend:
    """The back end, for this event loop.

    Args:
        address: where.
        concurrency: requests at once.
        client: what makes the requests, if not what fsspec has for the protocol.

    Raises:
        UnknownStorage: it cannot be opened as described.
    """
    if address.protocol in ("s3", "s3a"):
        return await _open_s3(address, concurrency, client)
    if address.protocol in ("gs", "gcs", "az", "abfs", "abfss"):
        return await _open_objects(address)
    return await _open_tree(address)


async def _open_s3(address: Address, concurrency: int, client: str | None) -> Backend:
    from alexflow.storage.remote.backends.s3 import (  # deferred, as all of them: one is needed
        S3Backend,
        open_s3,
        s3_options,
    )

    options = {**_ASYNCHRONOUS, **s3_options(address.options, concurrency)}
    loop = asyncio.get_running_loop()

    def make() -> tuple[Any, str]:
        session = address.options.get("session") or asyncio.run(_used_session(address, options))
        return provide(address, loop=loop, session=session, **options)

    fs, root = await run_in_daemon_thread(make)
    opened = await open_s3(fs)
    if client is None:
        return S3Backend(opened, root)
    from alexflow.storage.remote.backends import s3_obstore  # deferred, as above

    return await s3_obstore.attach_obstore(fs, opened, root, address)


@cache
def _loader(data_path: str | None) -> Any:
    """The reader of botocore's descriptions, which it keeps. A session with one of its own takes 60 ms or more."""
    from botocore.loaders import create_loader  # deferred: comes with s3fs

    return create_loader(data_path)


@blocks_briefly("in a thread's own event loop, where nothing else waits")
async def _used_session(address: Address, options: dict[str, Any]) -> Any:
    """A session of aiobotocore's that has read all it needs."""
    from aiobotocore.session import AioSession  # deferred: comes with s3fs

    fs, _ = provide(address, loop=asyncio.get_running_loop(), **options)
    fs.session = AioSession(**fs.kwargs)  # as s3fs itself makes it
    fs.session.register_component("data_loader", _loader(fs.session.get_config_variable("data_path")))
    client = await fs.set_session()
    await client.close()
    return fs.session


async def _open_objects(address: Address) -> Backend:
    fs, root = await run_in_daemon_thread(partial(provide, address, loop=asyncio.get_running_loop(), **_ASYNCHRONOUS))
    if address.protocol in ("gs", "gcs"):
        from alexflow.storage.remote.backends.gcs_azure import GoogleBackend  # deferred, as above

        return GoogleBackend(fs, root)
    from alexflow.storage.remote.backends.gcs_azure import AzureBackend  # deferred, as above

    _leave_its_end_to_us(fs)
    return AzureBackend(fs, root)


def _leave_its_end_to_us(fs: Any) -> None:
    """Azure's file system keeps itself until the interpreter ends, and then complains of loops that have ended."""
    for reference in weakref.getweakrefs(fs):
        if isinstance(reference.__callback__, weakref.finalize):
            reference.__callback__.detach()


async def _open_tree(address: Address) -> Backend:
    from alexflow.storage.remote.backends import filesystem  # deferred, as above

    moves = {"SFTPFileSystem": filesystem.move_sftp, "WebdavFileSystem": filesystem.move_webdav}
    cls = await run_in_daemon_thread(partial(load, address))
    _, root = await run_in_daemon_thread(partial(provide, address))
    move = moves.get(cls.__name__, filesystem.move_looking_first)
    return filesystem.FileSystemBackend(
        lambda: provide(address)[0], root, move, refused="%?#\n\r" if move is filesystem.move_webdav else ""
    )


class OpenedStorage:
    """The settings of a storage, and its connections by event loop.

    Attributes:
        keeps: whether the back end enforces create-if-absent; None until that was probed.
        is_swept: whether stale uploads were looked for.
    """

    def __init__(self, address: Address, deadline: float, concurrency: int, client: str | None):
        self.address = address
        self.deadline = deadline
        self.concurrency = concurrency
        self.client = client
        self.keeps: bool | None = None
        self.is_swept = False
        self.connections: WeakKeyDictionary[asyncio.AbstractEventLoop, Connection] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def connection(self) -> Connection:
        """The running event loop's."""
        loop = asyncio.get_running_loop()
        with self._lock:
            connection = self.connections.get(loop)
            if connection is None:
                make = partial(open_backend, self.address, self.concurrency, self.client)
                connection = Connection(make, self.address, self.deadline, self.concurrency)
                self.connections[loop] = connection
            return connection
