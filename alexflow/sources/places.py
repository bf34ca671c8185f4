"""Where data lies: a file, a directory, or an object behind a URL; its digest, and a stamp that changes with it."""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple, cast

from alexflow.errors import SourceNotFound, StorageError

CHUNK = 1024 * 1024  # bytes

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)


class Seen(NamedTuple):
    """What data is known by.

    Attributes:
        digest: BLAKE2b-160 of the content, as 40 hexadecimal digits; of a directory, of its files' names and digests.
        size: in bytes, of all files together.
    """

    digest: str
    size: int


class Place(ABC):
    """Somewhere data lies.

    Attributes:
        url: its name, for people and for other processes.
        is_directory: whether it is a tree of files.
        path: its file or directory on this machine; None where it is elsewhere.
    """

    url: str
    is_directory = False
    path: str | None = None

    @abstractmethod
    def stamp(self) -> str:
        """Another text whenever the content has changed: made from sizes, times, and what a store calls etag.

        Raises:
            SourceNotFound: nothing is there.
        """

    @abstractmethod
    def see(self) -> Seen:
        """Read it all.

        Raises:
            SourceNotFound: nothing is there.
        """

    @abstractmethod
    def open(self) -> BinaryIO:
        """The content, open for reading."""

    def is_settled(self) -> bool:
        """Whether the last change is long enough ago for another to have another time."""
        return True


def place_of(url: str | os.PathLike[str], options: Mapping[str, Any]) -> Place:
    """The place that a path or a URL names.

    Args:
        url: a path, ``file://…``, or a URL that fsspec knows.
        options: for fsspec's file system.

    Raises:
        SourceNotFound: nothing is there.
    """
    text = os.fspath(url)
    found = _URL.fullmatch(text)
    if found is not None and found[1] != "file":
        return _Remote(text, options)
    path = os.path.abspath(text if found is None else found[2])
    return _Directory(path) if os.path.isdir(path) else _File(path)


class _File(Place):
    def __init__(self, path: str):
        self.url = self.path = path

    def stamp(self) -> str:
        return _stamp_of(_status(self.url))

    def see(self) -> Seen:
        with self.open() as file:
            return _digested(file)

    def open(self) -> BinaryIO:
        try:
            return open(self.url, "rb")
        except FileNotFoundError:
            raise SourceNotFound(self.url) from None
        except OSError as error:
            raise StorageError(f"cannot read the source {self.url}: {error.strerror}") from error

    def is_settled(self) -> bool:
        return _is_settled(_status(self.url).st_mtime_ns)


class _Directory(Place):
    is_directory = True

    def __init__(self, path: str):
        self.url = self.path = path

    def stamp(self) -> str:
        hashed = hashlib.blake2b(digest_size=20)
        for name, path in _files(self.url):
            hashed.update(f"{len(name)}:{name}{_stamp_of(_status(path))};".encode())
        return hashed.hexdigest()

    def see(self) -> Seen:
        hashed = hashlib.blake2b(digest_size=20)
        size = 0
        for name, path in _files(self.url):
            seen = _File(path).see()
            hashed.update(f"{len(name)}:{name}{seen.digest};".encode())
            size += seen.size
        return Seen(hashed.hexdigest(), size)

    def open(self) -> BinaryIO:
        raise StorageError(f"the source {self.url} is a directory; use path() instead of load() and open()")

    def is_settled(self) -> bool:
        return all(_is_settled(_status(path).st_mtime_ns) for _, path in _files(self.url))


class _Remote(Place):
    def __init__(self, url: str, options: Mapping[str, Any]):
        import fsspec  # deferred: most sources are files

        self.url = url
        try:
            # no listings: what they say may be old
            self._system, self._path = fsspec.core.url_to_fs(url, use_listings_cache=False, **options)
        except (ImportError, ValueError) as error:
            raise StorageError(f"no source can be read from {url}: {error}") from error

    def stamp(self) -> str:
        info = self._info()
        return " ".join(f"{name}={info[name]}" for name in _TELLING if info.get(name) is not None)

    def see(self) -> Seen:
        with self.open() as file:
            return _digested(file)

    def open(self) -> BinaryIO:
        try:
            return cast(BinaryIO, self._system.open(self._path, "rb"))
        except FileNotFoundError:
            raise SourceNotFound(self.url) from None

    def _info(self) -> Mapping[str, Any]:
        try:
            return cast(Mapping[str, Any], self._system.info(self._path))
        except FileNotFoundError:
            raise SourceNotFound(self.url) from None


#: What a file system may say of an object that changes with it.
_TELLING = ("size", "ETag", "etag", "md5Hash", "content_md5", "generation", "LastModified", "last_modified", "mtime")


def _status(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except FileNotFoundError:
        raise SourceNotFound(path) from None


def _stamp_of(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"


def _is_settled(changed: int) -> bool:
    # what is changed twice within a tick of the file system's clock has one time for both
    import time

    return abs(time.time_ns() - changed) > 2_000_000_000


def _files(directory: str) -> Iterator[tuple[str, str]]:
    """All files below a directory, by their names in it, sorted."""
    for inside, directories, names in os.walk(directory):
        directories.sort()
        for name in sorted(names):
            path = os.path.join(inside, name)
            yield os.path.relpath(path, directory).replace(os.sep, "/"), path


def _digested(file: BinaryIO) -> Seen:
    hashed = hashlib.blake2b(digest_size=20)
    size = 0
    while chunk := file.read(CHUNK):
        hashed.update(chunk)
        size += len(chunk)
    return Seen(hashed.hexdigest(), size)
