"""From what a caller writes, a path or a storage, to a storage."""

from __future__ import annotations

import os
import re
from typing import Any

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import UnknownStorage
from alexflow.hooks import repr_of
from alexflow.storage.interface import Storage
from alexflow.storage.local import LocalStorage

DEFAULT_PATH = ".alexflow"


# Patterns as text: most paths have no colon, and to compile these takes as long as ten modules take to be imported.

#: A URL with too few slashes: ``s3:/bucket``, or ``s3:bucket`` where nothing else can be meant.
_SHORT_URL = r"(?:([A-Za-z][A-Za-z0-9+.-]+):/|(s3|gs|gcs|az|abfs|https?|sftp|memory):)(?!/)(.*)"
#: URLs that fsspec reads as file systems on top of one another: ``simplecache::s3://bucket``, ``zip://a.zip::s3://bucket``.
_CHAINED_URL = (
    r"([A-Za-z][A-Za-z0-9+.-]+)(?:://.*)?::(?:/|[A-Za-z][A-Za-z0-9+.-]+:/|(?:s3|gs|gcs|az|abfs|sftp|memory|file):).*"
)
_URL = r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)"


@blocks_briefly("once a run")
def open_storage(storage: Storage | str | os.PathLike[str] | None = None, **options: Any) -> Storage:
    """A storage from a storage, a path, a URL, or (None) the default.

    The default is the environment's ``ALEXFLOW_STORAGE``, else ``.alexflow`` in the working directory.

    ::

        open_storage("results")
        open_storage("s3://bucket/prefix", endpoint_url="http://localhost:8333", deadline=20)

    Args:
        storage: what to open.
        options: for a URL that leads elsewhere: those of :class:`RemoteStorage` and of fsspec's file system behind it;
            for a directory ``check`` and ``fsync``, as for :class:`LocalStorage`.

    Raises:
        UnknownStorage: no storage can be opened from it.
    """
    if isinstance(storage, Storage):
        _take_none(options, repr_of(storage))
        return storage
    if storage is None:
        storage = os.environ.get("ALEXFLOW_STORAGE") or DEFAULT_PATH
    if not isinstance(storage, str | os.PathLike):
        raise UnknownStorage(f"a storage is a Storage or a path, not {type(storage).__name__}")
    path = os.fspath(storage)
    if not path:
        raise UnknownStorage("the storage path is empty; name a directory")
    if "\0" in path:
        raise UnknownStorage(f"the storage path {path!r} has a NUL, which no path has")
    if not _is_name(path):
        raise UnknownStorage(f"the storage path {path!r} has a surrogate, which no path has")
    _refuse_unexpanded(path)
    _refuse_chained(path)
    url = _match(_URL, path)
    if url is None or url[1] == "file":
        its_own = {name: options.pop(name) for name in ("check", "fsync") if name in options}
        _take_none(options, path)
        return LocalStorage(path if url is None else url[2], **its_own)
    if url[1] == "memory":
        from alexflow.storage.memory import MemoryStorage  # deferred, as below: most paths are of directories

        _take_none(options, path)
        return MemoryStorage()
    from alexflow.storage.remote.storage import RemoteStorage  # deferred: fsspec

    return RemoteStorage(path, **options)


def _refuse_unexpanded(path: str) -> None:
    """A path that a shell would have expanded, or a URL with a slash too few, would name a directory by mistake."""
    if path.startswith("~"):
        raise UnknownStorage(
            f"the storage path {path!r} begins with ~, which only a shell expands; "
            f"write os.path.expanduser({path!r}), or ./{path} for a directory of that name"
        )
    short = _match(_SHORT_URL, path)
    if short is not None:
        scheme, rest = short[1] or short[2], short[3]
        url = f"{scheme}://{'/' if scheme == 'file' else ''}{rest}"
        raise UnknownStorage(f"{path!r} lacks a slash; write {url!r}, or './{path}' for a directory of that name")


def _refuse_chained(path: str) -> None:
    chained = _match(_CHAINED_URL, path)
    if chained is not None:
        raise UnknownStorage(
            f"a URL that chains file systems of fsspec, here {chained[1]!r} and what follows '::', is not a storage; "
            f"give the URL of one, or a path that begins with './' for a directory of that name"
        )


def _is_name(path: str) -> bool:
    """Whether the system can have a file of this name: not with a surrogate that stands for no byte."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _match(pattern: str, path: str) -> re.Match[str] | None:
    return re.fullmatch(pattern, path, re.DOTALL) if ":" in path else None


def _take_none(options: dict[str, Any], what: str) -> None:
    if options:
        raise UnknownStorage(f"{what} takes no options, such as {next(iter(options))}")
