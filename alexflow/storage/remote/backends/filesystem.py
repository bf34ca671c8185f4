"""Servers with directories: SFTP, WebDAV, and any other file system of fsspec's.

An object is written under a temporary name in ``.alexflow/new`` and then moved to its own: complete, or not there. What
"the first publisher wins" rests on differs:

- SFTP: a rename that fails if the new name is taken (version 3 of the protocol; OpenSSH links and unlinks);
- WebDAV: ``MOVE`` with ``Overwrite: F``;
- others: looking first, which two at the same time may both do.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from alexflow.storage.keys import RESERVED
from alexflow.storage.remote.backends.base import Backend, ObjectStatus, OnePage, Pages, check_odd
from alexflow.storage.remote.retry import RequestAttempt
from alexflow.storage.remote.threads import ClientThreads

#: The directory of objects until they are complete, below the root.
NEW = f"{RESERVED}/new"

#: ``write(fs, path)``: the bytes of a file.
WriteFile = Callable[[Any, str], object]

#: ``move(fs, path, new path, replace)``; raises FileExistsError.
MoveFile = Callable[[Any, str, str, bool], None]


class FileSystemBackend(Backend):
    """A directory of a server.

    Args:
        make: gives a file system of fsspec's that blocks.
        root: the directory.
        move: how a file gets its name.
        refused: characters that its client does not bring to the server as they are.
    """

    def __init__(self, make: Callable[[], Any], root: str, move: MoveFile, refused: str = ""):
        self._refused = refused
        self._threads = ClientThreads(make, _close)
        self._root = root + "/"
        self._move = move

    async def exists(self, key: str) -> bool:
        try:
            await self.status(key)
        except FileNotFoundError:
            return False
        return True

    async def read(self, key: str, attempt: RequestAttempt) -> bytes:
        path = self._root + key

        def read(fs: Any) -> bytes:
            with _named(key):
                _info(fs, path, key)
                data: bytes = fs.cat_file(path)
            return data

        return await self._threads.call(read)

    async def status(self, key: str) -> ObjectStatus:
        path = self._root + key

        def status(fs: Any) -> ObjectStatus:
            with _named(key):
                return self.status_of(_info(fs, path, key))

        return await self._threads.call(status)

    async def read_range(self, key: str, start: int, stop: int, attempt: RequestAttempt) -> tuple[bytes, str]:
        path = self._root + key
        return await self._threads.call(lambda fs: fs.cat_file(path, start=start, end=stop)), ""

    async def create(self, key: str, data: bytes, record: bytes = b"") -> bool:
        return await self._put(key, lambda fs, path: fs.pipe_file(path, data), replace=False)

    async def replace(self, key: str, data: bytes, record: bytes = b"") -> None:
        await self._put(key, lambda fs, path: fs.pipe_file(path, data), replace=True)

    async def put_file(self, key: str, path: str, record: bytes, *, replace: bool) -> bool:
        return await self._put(key, lambda fs, temporary: fs.put_file(path, temporary), replace=replace)

    async def _put(self, key: str, write: WriteFile, *, replace: bool) -> bool:
        check_odd(key, self._refused)
        root, path = self._root, self._root + key
        temporary = f"{root}{NEW}/{uuid.uuid4().hex}"

        def put(fs: Any) -> None:
            _write(fs, temporary, write)
            try:
                try:
                    self._move(fs, temporary, path, replace)
                except FileNotFoundError:
                    _make_directory_of(fs, path)
                    self._move(fs, temporary, path, replace)
            except BaseException:
                with contextlib.suppress(Exception):  # the first error counts
                    fs.rm_file(temporary)
                raise

        try:
            await self._threads.call(put)
        except FileExistsError:
            return False
        return True

    async def remove(self, keys: Sequence[str]) -> None:
        def remove(fs: Any) -> None:
            for key in keys:
                try:
                    with _named(key):
                        _info(fs, self._root + key, key)
                        fs.rm_file(self._root + key)
                except FileNotFoundError:
                    pass

        await self._threads.call(remove)

    async def sweep(self, before: float) -> int:
        def sweep(fs: Any) -> int:
            try:
                found = [entry for entry in fs.ls(self._root + NEW, detail=True) if _written(entry) < before]
            except FileNotFoundError:
                return 0
            for entry in found:
                with contextlib.suppress(FileNotFoundError):
                    fs.rm_file(f"{self._root}{NEW}/{entry['name'].rpartition('/')[2]}")
            return len(found)

        return await self._threads.call(sweep)

    def pages(self, prefix: str) -> Pages:
        inside = prefix.rpartition("/")[0]
        top = self._root + inside if inside else self._root.rstrip("/")

        def fetch(fs: Any) -> list[str]:
            found: list[str] = []
            pending = [top]
            while pending:
                directory = pending.pop()
                try:
                    entries = fs.ls(directory or "/", detail=True)
                except (FileNotFoundError, NotADirectoryError):
                    continue
                for entry in entries:
                    path = f"{directory}/{entry['name'].rstrip('/').rpartition('/')[2]}"
                    if entry["type"] == "directory":
                        if path != self._root + RESERVED:
                            pending.append(path)
                    elif (key := path[len(self._root) :]).startswith(prefix):
                        found.append(key)
            return found

        return OnePage(lambda: self._threads.call(fetch))

    async def aclose(self) -> None:
        self._threads.close()


def _close(fs: Any) -> None:
    """Close the client of an SFTP or WebDAV file system; fsspec has no way of its own."""
    client = getattr(fs, "client", None)
    client = getattr(client, "http", client)
    if client is not None:
        client.close()


def _info(fs: Any, path: str, key: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = fs.info(path)
    if found["type"] == "directory":
        raise FileNotFoundError(key)
    return found


def _written(entry: Mapping[str, Any]) -> float:
    """The time when a file was written, in seconds since 1970; infinite if the server does not report it."""
    when = entry.get("mtime") or entry.get("modified")
    return when.timestamp() if isinstance(when, datetime) else float(when or "inf")


def _write(fs: Any, path: str, write: WriteFile) -> None:
    try:
        write(fs, path)
    except OSError as error:
        # servers differ in what they say where a directory is missing
        if isinstance(error, PermissionError):
            raise
        _make_directory_of(fs, path)
        write(fs, path)


def _make_directory_of(fs: Any, path: str) -> None:
    """Make the directories that a file needs; if another publisher makes one at the same time, it is tried again."""
    directory = path.rpartition("/")[0]
    for tries_left in reversed(range(1 + directory.count("/"))):
        try:
            fs.makedirs(directory, exist_ok=True)
            break
        except Exception as error:  # whatever a client says where a directory is there already
            if isinstance(error, PermissionError) or not tries_left:
                raise


@contextlib.contextmanager
def _named(key: str) -> Any:
    """A step on the way to it is a file: nothing can be there."""
    try:
        yield
    except NotADirectoryError:
        raise FileNotFoundError(key) from None


def move_sftp(fs: Any, path: str, new: str, replace: bool) -> None:
    """SFTP's rename fails if the name is taken; OpenSSH's extension replaces."""
    if replace:
        fs.ftp.posix_rename(path, new)
        return
    try:
        fs.ftp.rename(path, new)
    except FileNotFoundError:
        raise
    except OSError:
        # version 3 has one code for all that fails, so look whether it was that
        if fs.exists(new):
            raise FileExistsError(new) from None
        raise


def move_webdav(fs: Any, path: str, new: str, replace: bool) -> None:
    """``MOVE``, with or without ``Overwrite``."""
    from webdav4.client import (  # deferred: an extra's
        ForbiddenOperation,
        ResourceAlreadyExists,
        ResourceConflict,
        ResourceNotFound,
    )

    try:
        try:
            fs.client.move(path, new, overwrite=replace)
        except ForbiddenOperation:  # the answer of some servers where the directory is missing
            if not fs.exists(new.rpartition("/")[0]):
                raise FileNotFoundError(new) from None
            fs.client.move(path, new, overwrite=replace)  # another publisher may have made it just now
    except ResourceAlreadyExists:
        raise FileExistsError(new) from None
    except (ResourceNotFound, ResourceConflict):
        raise FileNotFoundError(new) from None


def move_looking_first(fs: Any, path: str, new: str, replace: bool) -> None:
    """For file systems of which nothing is known: all that fsspec promises is a move."""
    if fs.exists(new):
        if not replace:
            raise FileExistsError(new)
        fs.rm_file(new)
    fs.mv(path, new)
