"""``DirectoryOutput``: a directory with all its files, such as a model's checkpoint.

It is stored as one object, an archive. So it is published atomically on every storage, it costs one existence check and
one digest, and it cannot be removed halfway. Files under separate keys would need an index for all of that, an object
that is published last and has to be cleaned up.

The archive is a zip file without compression: the large parts of a checkpoint do not compress. Its index is at the end,
so that a truncated file is no zip file, where a tar file would only be shorter; and each file has a checksum.

Loading unpacks it into a directory that is removed with its last user. A lasting cache was rejected: a key does not
identify the contents (a forced task replaces them), the cache would need cleaning up, and unpacking takes as long as
reading.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import weakref
import zipfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, ClassVar, cast

from alexflow.errors import InvalidKey
from alexflow.formats.file import FileOutput, WriteOnly
from alexflow.storage.keys import check_key

if TYPE_CHECKING:
    from alexflow.storage.staged import Mode

COPY_CHUNK = 1024 * 1024  # bytes

#: Greatest ratio of the contents' size to the archive's. :func:`pack` does not compress; other programs may.
MOST_INFLATED = 100

#: Names that a message names.
MEMBERS_SHOWN = 10

_ENCRYPTED = 0x1  # a bit of a member's flags

#: Error numbers for impossible names: the same twice, one below a file, longer than allowed.
_OF_NAMES = frozenset(
    {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOENT, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}
)


class Directory(os.PathLike[str]):
    """A directory that is removed when it is closed or garbage collected.

    It is accepted wherever a path is; ``with output.load() as path:`` gives a :class:`pathlib.Path`.

    Attributes:
        path: its path.
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


class DirectoryOutput(FileOutput[Directory]):
    """A directory with all its files, stored as one archive. Safe to share, as far as its files are.

    ``with output.path("w") as directory:`` gives a new one to write into, ``with output.path() as directory:`` the
    stored one, unpacked. ``store`` takes an existing directory.

    Files, with their executable bit, and directories are stored; a link to a file is stored as that file.
    """

    safe_to_share: ClassVar[bool] = True

    def store(self, value: str | os.PathLike[str]) -> None:
        """Store a copy of the directory at a path, with all that is in it; the directory stays as it is."""
        super().store(cast(Any, value))

    async def astore(self, value: str | os.PathLike[str]) -> None:
        """:meth:`store`, for the event loop."""
        await super().astore(cast(Any, value))

    def write_to(self, value: str | os.PathLike[str], file: BinaryIO) -> None:
        pack(os.fspath(value), file)

    def load(self) -> Directory:
        """Unpack the stored directory; the copy is removed when it is closed or garbage collected.

        Raises:
            OutputNotFound: nothing is stored.
            DecodingError: the stored data are no archive, or are damaged.
        """
        used = ExitStack()
        try:
            return Directory(used.enter_context(self.path()), used)
        except BaseException:
            used.close()
            raise

    def names(self) -> list[str]:
        """The names of the stored files, with slashes, in the order of the archive; directories are left out.

        Raises:
            OutputNotFound: nothing is stored.
            DecodingError: the stored data are no archive, or are damaged.
        """
        with self.open("rb") as file, self._decoding(), zipfile.ZipFile(file) as archive:
            return [name for name in archive.namelist() if not name.endswith("/")]

    @contextmanager
    def open_file(self, name: str) -> Iterator[IO[bytes]]:
        """Open one of the stored files for reading, without unpacking the others.

        ::

            with output.open_file("config.json") as file:
                config = json.load(file)

        Args:
            name: its path below the directory, with slashes.

        Raises:
            OutputNotFound: nothing is stored.
            LookupError: there is no such file in it; the message names those that there are.
            DecodingError: the stored data are no archive, or are damaged.
        """
        with ExitStack() as used:
            file = used.enter_context(self.open("rb"))
            with self._decoding():
                archive = used.enter_context(zipfile.ZipFile(file))
                members = {member.filename: member for member in archive.infolist() if not member.is_dir()}
            if name not in members:
                raise LookupError(f"{self.key} has no file {name!r}; it has {_shown(members)}")
            with self._decoding():
                _check_sizes([members[name]], file)
                _check_member(members[name])
                opened = used.enter_context(_content(archive, members[name]))
            yield opened

    def read_file(self, name: str) -> bytes:
        """The content of one of the stored files; arguments and errors as for :meth:`open_file`."""
        with self.open_file(name) as file, self._decoding():
            return file.read()

    async def aread_file(self, name: str) -> bytes:
        """:meth:`read_file`, for ``async def run``."""
        from alexflow.storage.background import in_thread  # deferred: it imports asyncio

        return await in_thread(self.read_file, name)

    @contextmanager
    def path(self, mode: Mode = "r") -> Iterator[Path]:
        """A directory: a new one to write into (``"w"``), stored when the ``with`` block is left without an exception;
        or the stored one, unpacked, and removed when the block is left.

        Raises:
            OutputNotFound: nothing is stored, in mode ``"r"``.
            DecodingError: the stored data are no archive, or are damaged.
        """
        if mode not in ("r", "w"):
            raise ValueError(f"a path is for reading, 'r', or for writing, 'w', not {mode!r}")
        with self.bound_storage.scratch() as directory:
            if mode == "r":
                with self.open("rb") as file, self._decoding():
                    unpack(file, directory)
            yield directory
            if mode == "w":
                self.store(directory)

    def apath(self, mode: Mode = "r") -> AbstractAsyncContextManager[Path]:
        from alexflow.storage.async_streams import in_threads  # deferred: it brings asyncio

        return in_threads(lambda: self.path(mode))


def _shown(names: Collection[str]) -> str:
    """Names for a message."""
    first = ", ".join(map(repr, list(names)[:MEMBERS_SHOWN]))
    return (first if len(names) <= MEMBERS_SHOWN else f"{first} and {len(names) - MEMBERS_SHOWN:,} more") or "none"


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
    """The names below a directory, each directory before its contents, in an order that depends on names only."""
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
            shutil.copyfileobj(source, target, COPY_CHUNK)
    else:
        raise ValueError(f"{name} is neither a file nor a directory, but a link to a directory, a socket, or the like")


def unpack(file: BinaryIO, directory: Path) -> None:
    """Write what is in an archive into a directory, and nothing outside of it.

    Raises:
        BadZipFile: there is something in it that :func:`pack` does not write, or it is damaged. Some of it may have
            been written by then.
    """
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        _check_sizes(members, file)
        for member in members:
            _check_member(member)
            _extract(archive, member, directory)


def _check_sizes(members: Iterable[zipfile.ZipInfo], file: BinaryIO) -> None:
    """See that an archive is not much less than what would come out of it."""
    size = file.seek(0, os.SEEK_END)
    unpacked = sum(member.file_size for member in members)  # zipfile lets no member become larger than it says
    if unpacked > MOST_INFLATED * size:
        raise zipfile.BadZipFile(f"{size:,} bytes would become {unpacked:,}, more than {MOST_INFLATED} times as many")


def _check_member(member: zipfile.ZipInfo) -> None:
    name = member.filename.removesuffix("/")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if not _is_safe(name):
        raise zipfile.BadZipFile(f"the name {name!r} could lead outside")
    if kind not in (0, stat.S_IFDIR if member.is_dir() else stat.S_IFREG):
        raise zipfile.BadZipFile(f"{name!r} is neither a file nor a directory")
    if member.flag_bits & _ENCRYPTED:
        raise zipfile.BadZipFile(f"{name!r} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{name!r} is compressed in a way that is not expected here")


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, directory: Path) -> None:
    path = directory / member.filename.removesuffix("/")
    may_be_executed = member.external_attr >> 16 & stat.S_IXUSR
    try:
        if member.is_dir():
            path.mkdir()
            return
        target = _new_file(path, 0o777 if may_be_executed else 0o666)
    except OSError as error:
        if error.errno not in _OF_NAMES:
            raise
        raise zipfile.BadZipFile(f"there cannot be {member.filename!r} beside the others: {error.strerror}") from error
    with target, _content(archive, member) as source:
        shutil.copyfileobj(source, target, COPY_CHUNK)


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return archive.open(member)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise zipfile.BadZipFile(f"{member.filename!r} is said to lie outside of the archive") from error


def _new_file(path: Path, mode: int) -> BinaryIO:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb")
