"""From an address to its back end, opened for the running event loop.

What takes time is done in a thread: importing packages, making file systems, reading botocore's descriptions of S3
(half a second, and from its session's cache afterwards).
"""

from __future__ import annotations

import asyncio
import weakref
from functools import partial
from typing import Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backends.base import Backend
from alexflow.storage.remote.provision import load, provide
from alexflow.storage.remote.threads import aside

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

    fs, root = await aside(make)
    opened = await open_s3(fs)
    if client is None:
        return S3Backend(opened, root)
    from alexflow.storage.remote.backends import s3_obstore  # deferred, as above

    return await s3_obstore.beside(fs, opened, root, address)


@blocks_briefly("in a thread's own event loop, where nothing else waits")
async def _used_session(address: Address, options: dict[str, Any]) -> Any:
    """A session of aiobotocore's that has read all it needs."""
    fs, _ = provide(address, loop=asyncio.get_running_loop(), **options)
    client = await fs.set_session()
    await client.close()
    return fs.session


async def _open_objects(address: Address) -> Backend:
    fs, root = await aside(partial(provide, address, loop=asyncio.get_running_loop(), **_ASYNCHRONOUS))
    if address.protocol in ("gs", "gcs"):
        from alexflow.storage.remote.backends.google import GoogleBackend  # deferred, as above

        return GoogleBackend(fs, root)
    from alexflow.storage.remote.backends.azure import AzureBackend  # deferred, as above

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
    cls = await aside(partial(load, address))
    _, root = await aside(partial(provide, address))
    move = moves.get(cls.__name__, filesystem.move_looking_first)
    return filesystem.TreeBackend(
        lambda: provide(address)[0], root, move, refused="%?#\n\r" if move is filesystem.move_webdav else ""
    )
