"""Locations of data: a file, a directory, or an object behind a URL, with a digest and a stamp of changes."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple, cast

from alexflow.errors import SourceNotFound, StorageDenied, StorageError
from alexflow.hooks import class_name, text_of
from alexflow.sources.chosen_files import ChosenFiles
from alexflow.sources.secrets import URL_OPTION, shown, with_secrets, without_secrets

READ_CHUNK = 1024 * 1024  # bytes

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)


class ContentDigest(NamedTuple):
    """The identity of data.

    Attributes:
        digest: BLAKE2b-160 of the content, as 40 hexadecimal digits; of a directory, of its files' names and digests.
        size: total size in bytes.
    """

    digest: str
    size: int


class Location(ABC):
    """A location of data.

    Attributes:
        url: its URL or path for people, without a password or a signature.
        full_url: the same with them.
        is_directory: whether it is a tree of files.
        path: its file or directory on this machine; None if it is elsewhere.
    """

    url: str
    full_url: str
    is_directory = False
    path: str | None = None

    @abstractmethod
    def stamp(self) -> str:
        """A text that changes whenever the content changes: made from sizes, times and etags.

        Raises:
            SourceNotFound: there are no such data.
        """

    @abstractmethod
    def read_digest(self) -> ContentDigest:
        """Read all data and compute their digest.

        Raises:
            SourceNotFound: there are no such data.
        """

    @abstractmethod
    def open(self) -> BinaryIO:
        """Open the content for reading."""

    def is_settled(self) -> bool:
        """Whether a further change would change the stamp: the last one is long enough ago, and the stamp has times."""
        return True


def location_of(url: str | os.PathLike[str], options: Mapping[str, Any]) -> Location:
    """The location with a path or a URL.

    Args:
        url: a path, ``file://…``, or a URL that fsspec supports.
        options: options of fsspec's file system; of a directory, the patterns that choose files.

    Raises:
        SourceNotFound: there are no such data.
    """
    text = os.fspath(url)
    found = _URL.fullmatch(text)
    if found is not None and found[1] != "file":
        return _Remote(text, options)
    path = os.path.abspath(text if found is None else found[2])
    return _Directory(path, ChosenFiles(options)) if os.path.isdir(path) else _File(path)


class _File(Location):
    def __init__(self, path: str):
        self.url = self.full_url = self.path = path

    def stamp(self) -> str:
        return _stamp_of(_status(self.url))

    def read_digest(self) -> ContentDigest:
        with self.open() as file:
            return _digested(file)

    def open(self) -> BinaryIO:
        try:
            _status(self.url)  # opening a pipe would wait for ever
            return open(self.url, "rb")
        except FileNotFoundError:
            raise SourceNotFound(self.url) from None
        except OSError as error:
            raise StorageError(f"cannot read the source {self.url}: {error.strerror}") from error

    def is_settled(self) -> bool:
        return _is_settled(_status(self.url).st_mtime_ns)


class _Directory(Location):
    is_directory = True

    def __init__(self, path: str, chosen: ChosenFiles):
        self.url = self.full_url = self.path = path
        self._chosen = chosen

    def stamp(self) -> str:
        hashed = hashlib.blake2b(digest_size=20)
        for name, path in self._chosen.of(self.url):
            hashed.update(f"{len(name)}:{name}{_stamp_of(_status(path))};".encode())
        return hashed.hexdigest()

    def read_digest(self) -> ContentDigest:
        hashed = hashlib.blake2b(digest_size=20)
        size = 0
        for name, path in self._chosen.of(self.url):
            found = _File(path).read_digest()
            hashed.update(f"{len(name)}:{name}{found.digest};".encode())
            size += found.size
        return ContentDigest(hashed.hexdigest(), size)

    def open(self) -> BinaryIO:
        raise StorageError(f"the source {self.url} is a directory; use path() instead of load() and open()")

    def is_settled(self) -> bool:
        return all(_is_settled(_status(path).st_mtime_ns) for _, path in self._chosen.of(self.url))


class _Remote(Location):
    def __init__(self, url: str, options: Mapping[str, Any]):
        self.url = shown(url)
        self.full_url = with_secrets(url, options)
        self._options = options if self.full_url == self.url else {**options, URL_OPTION: self.full_url}
        self._system, self._path = self._asked(self._opened)

    def stamp(self) -> str:
        info = self._info()
        return " ".join(f"{name}={info[name]}" for name in _CHANGE_FIELDS if info.get(name) is not None)

    def read_digest(self) -> ContentDigest:
        with self.open() as file:
            return _digested(file)

    def open(self) -> BinaryIO:
        file = self._asked(lambda: self._system.open(self._path, "rb"))
        return io.BufferedReader(_TranslatedFile(file, self), READ_CHUNK)

    def is_settled(self) -> bool:
        info = self._info()
        return any(info.get(name) is not None for name in _CHANGE_FIELDS[1:])

    def _opened(self) -> tuple[Any, str]:
        import fsspec  # deferred: most sources are files

        options = {name: value for name, value in self._options.items() if name != URL_OPTION}
        # without cached listings, which may be out of date
        opened: tuple[Any, str] = fsspec.core.url_to_fs(self.full_url, use_listings_cache=False, **options)
        return opened

    def _info(self) -> Mapping[str, Any]:
        info: Mapping[str, Any] = self._asked(lambda: self._system.info(self._path))
        return info

    def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except FileNotFoundError as error:
            cause = error.__cause__  # of a client that takes whatever fails for that
            is_another = isinstance(cause, Exception) and not isinstance(cause, FileNotFoundError)
            failed: StorageError = self._failure(cast(Exception, cause)) if is_another else SourceNotFound(self.url)
        except Exception as error:  # a client may raise anything
            failed = self._failure(error)
        raise failed  # here, without a cause, whose text would have the secrets

    def _failure(self, error: Exception) -> StorageError:
        text = without_secrets(text_of(error), self._options)
        number = error.errno if isinstance(error, OSError) else None
        kind = StorageDenied if isinstance(error, PermissionError) else StorageError
        return kind(
            f"cannot read the source {self.url}: {class_name(type(error))}: {text}", path=self.url, errno=number
        )


class _TranslatedFile(io.RawIOBase):
    """A remote file that translates its errors as its location does."""

    def __init__(self, file: Any, location: _Remote):
        self._file = file
        self._location = location

    def readinto(self, buffer: Any) -> int:
        data: bytes = self._location._asked(lambda: self._file.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._location._asked(lambda: self._file.seek(offset, whence)))

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()


#: Fields of a file system's information that change with an object; the size alone is not enough.
_CHANGE_FIELDS: tuple[str, ...] = (
    "size",
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "generation",
    "LastModified",
    "last_modified",
    "mtime",
)
_CHANGE_FIELDS += ("created", "modified", "updated", "Last-Modified", "Content-MD5", "Digest", "sha", "checksum")


def _status(path: str) -> os.stat_result:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        raise SourceNotFound(path) from None
    except OSError as error:
        raise StorageError(f"cannot read the source {path}: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise StorageError(f"the source {path} is not a file; a pipe, a socket or a device has no content of its own")
    return status


def _stamp_of(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ino}"


def _is_settled(changed: int) -> bool:
    # two changes within a tick of the file system's clock have one time
    import time

    return abs(time.time_ns() - changed) > 2_000_000_000


def _digested(file: BinaryIO) -> ContentDigest:
    hashed = hashlib.blake2b(digest_size=20)
    size = 0
    while chunk := file.read(READ_CHUNK):
        hashed.update(chunk)
        size += len(chunk)
    return ContentDigest(hashed.hexdigest(), size)
