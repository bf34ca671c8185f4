"""``DirectoryOutput``: a directory with all that is in it, such as a model's checkpoint.

It is stored as one object, an archive. So it is published at once and whole, by the first, on every storage; it costs
one existence check, one digest; and there is nothing that could be half removed. Files under keys of their own could
have none of that without an index, which would be an object to be published last and cleaned up after.

The archive is a zip file that is not compressed: what is large in a checkpoint does not compress. Its index is at the
end, so that one that was cut off is no zip file, where a tar file would only be shorter; and each file has a checksum.

Loading unpacks it into a directory that is removed with its last user. A lasting cache was rejected: a key alone does
not say what is in it (a forced task replaces it), somebody would have to clean up, and to unpack costs what it costs to
read.
"""

from __future__ import annotations

import os
import shutil
import stat
import weakref
import zipfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, cast

from alexflow.errors import InvalidKey, StorageError
from alexflow.formats.file import FileOutput, WriteOnly
from alexflow.storage.keys import check_key

if TYPE_CHECKING:
    from alexflow.storage.streams import Mode

CHUNK = 1024 * 1024  # bytes


class Directory(os.PathLike[str]):
    """A directory that is removed when it is closed, or when nobody has it any more.

    Wherever a path is expected, it will do; ``with output.load() as path:`` gives a :class:`pathlib.Path`.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: Path, used: ExitStack):
        self.path = path
        self._remove = weakref.finalize(self, used.close)

    def __repr__(self) -> str:
        return f"Directory({str(self.path)!r})"

    def __fspath__(self) -> str:
        return str(self.path)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove it."""
        self._remove()


@dataclass(frozen=True, eq=False, repr=False)
class DirectoryOutput(FileOutput[Directory]):
    """A directory with all that is in it, stored as one archive. Safe to share, as far as its files are.

    ``with output.path("w") as directory:`` gives a new one to write into, ``with output.path() as directory:`` what was
    stored, unpacked. ``store`` takes a directory that is there already.

    Stored are files, with whether they may be executed, and directories; of a link to a file what it leads to.
    """

    safe_to_share: ClassVar[bool] = True

    def store(self, value: str | os.PathLike[str]) -> None:
        super().store(cast(Any, value))

    async def astore(self, value: str | os.PathLike[str]) -> None:
        await super().astore(cast(Any, value))

    def write_to(self, value: str | os.PathLike[str], file: BinaryIO) -> None:
        pack(os.fspath(value), file)

    def load(self) -> Directory:
        """The stored directory, unpacked; it is removed when it is closed, or when nobody has it any more.

        Raises:
            OutputNotFound: nothing is stored.
        """
        used = ExitStack()
        try:
            return Directory(used.enter_context(self.path()), used)
        except BaseException:
            used.close()
            raise

    @contextmanager
    def path(self, mode: Mode = "r") -> Iterator[Path]:
        """A directory: a new one to write into (``"w"``), stored when the ``with`` block is left, unless by an
        exception; or what was stored, unpacked, and removed when the block is left.

        Raises:
            OutputNotFound: nothing is stored, and it was to be read.
        """
        if mode not in ("r", "w"):
            raise ValueError(f"a path is for reading, 'r', or for writing, 'w', not {mode!r}")
        with self.bound_storage.scratch() as directory:
            if mode == "r":
                with self.open("rb") as file:
                    try:
                        unpack(file, directory)
                    except zipfile.BadZipFile as error:
                        raise StorageError(f"{self.key} is not a stored directory, or is damaged: {error}") from error
            yield directory
            if mode == "w":
                self.store(directory)

    def apath(self, mode: Mode = "r") -> AbstractAsyncContextManager[Path]:
        from alexflow.storage.asyncstreams import in_threads  # deferred: it brings asyncio

        return in_threads(self.path(mode))


def pack(directory: str, file: BinaryIO) -> None:
    """Write a directory to an archive; equal contents give equal bytes.

    Raises:
        ValueError: there is something in it that is neither a file nor a directory, or has an unsafe name.
        OSError: it is not a directory, or cannot be read.
    """
    with zipfile.ZipFile(cast(Any, WriteOnly(file)), "w", zipfile.ZIP_STORED) as archive:
        for name in _names_in(directory):
            if not _is_safe(name):
                raise ValueError(f"{name!r} cannot be the name of a file on every machine")
            _add(archive, name, f"{directory}/{name}")


def _is_safe(name: str) -> bool:
    try:
        check_key(name)
    except InvalidKey:
        return False
    return True


def _names_in(directory: str) -> Iterator[str]:
    """What is in it, a directory before what is in that one, in an order that depends on names only."""
    pending = [""]
    while pending:
        inside = pending.pop()
        with os.scandir(f"{directory}/{inside}") as entries:
            below = sorted(entries, key=lambda entry: entry.name)
        for entry in below:
            yield inside + entry.name
        pending += [f"{inside}{entry.name}/" for entry in below if entry.is_dir(follow_symlinks=False)]


def _add(archive: zipfile.ZipFile, name: str, path: str) -> None:
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode) and not os.path.islink(path):
        member = zipfile.ZipInfo(name + "/")
        member.external_attr = (stat.S_IFDIR | 0o755) << 16
        archive.writestr(member, b"")
    elif stat.S_ISREG(status.st_mode):
        member = zipfile.ZipInfo(name)
        member.external_attr = (stat.S_IFREG | (0o755 if status.st_mode & stat.S_IXUSR else 0o644)) << 16
        member.file_size = status.st_size
        with open(path, "rb") as source, archive.open(member, "w") as target:
            shutil.copyfileobj(source, target, CHUNK)
    else:
        raise ValueError(f"{name} is neither a file nor a directory, but a link to a directory, a socket, or the like")


def unpack(file: BinaryIO, directory: Path) -> None:
    """Write what is in an archive into a directory, and nothing outside of it.

    Raises:
        BadZipFile: it is not an archive that :func:`pack` could have written, or it is damaged.
    """
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            _extract(archive, member, directory)


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, directory: Path) -> None:
    name = member.filename.removesuffix("/")
    if not _is_safe(name):
        raise zipfile.BadZipFile(f"the name {name!r} could lead outside")
    path = directory / name
    if member.is_dir():
        path.mkdir()
        return
    may_be_executed = member.external_attr >> 16 & stat.S_IXUSR
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o777 if may_be_executed else 0o666)
    with open(descriptor, "wb") as target, archive.open(member) as source:
        shutil.copyfileobj(source, target, CHUNK)
