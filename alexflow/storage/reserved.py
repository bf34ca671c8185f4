"""Reserved spaces: what a storage keeps beside its outputs, under ``.alexflow/``.

No output can have such a name (:mod:`alexflow.storage.keys`), and no listing of outputs shows one. A space holds files
of few operations: they are written whole, or, on a disk, appended to; they are read from any position, and listed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO, RawIOBase
from typing import Any, BinaryIO, Literal, cast

#: The spaces that there are.
Space = Literal["record", "checkpoints", "attachments", "pins", "agents"]


class ReservedSpace(ABC):
    """Files of one kind that are kept with a storage. All methods block.

    Attributes:
        prefix: what keys of the storage have before them in the storage that holds the space; it ends with a slash.
        directory: where the files are, if that is a directory of this machine.
        location: what names the space among all of its kind; None for one that ends with the process.
        appends: whether files can be appended to.
    """

    prefix: str = ""
    directory: str | None = None
    location: str | None = None
    appends: bool = False

    @property
    def is_in_outage(self) -> bool:
        """Whether the storage has not answered this event loop lately."""
        return False

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be written, neither here nor among the outputs, as far as that is seen without trying."""
        return False

    @abstractmethod
    def names(self, prefix: str = "") -> list[str]:
        """Return the names of the files, or those that begin so, sorted; none where there is no such space yet."""

    def sizes(self) -> dict[str, int]:
        """Return the names of the files with their sizes in bytes; -1 where a listing does not say them."""
        return dict.fromkeys(self.names(), -1)

    @abstractmethod
    def read(self, name: str, start: int = 0) -> bytes:
        """Return the bytes of a file from a position on.

        Raises:
            FileNotFoundError: there is no such file.
        """

    def read_many(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield names of files with their bytes, in order; those that are not there are passed over."""
        for name in names:
            try:
                yield name, self.read(name)
            except FileNotFoundError:
                continue

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a file as a whole, in place of one of that name."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; it can be sought in.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return BytesIO(self.read(name))

    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        """Write a file as a whole that comes in parts; where it can be, it is not in memory as a whole."""
        self.write(name, b"".join(parts))

    def sweep(self, prefix: str = "") -> None:  # noqa: B027  # most leave nothing
        """Remove what killed writers have left of files whose names begin so, none of which is being written."""

    def open_for_appending(self, name: str, *, new: bool = True) -> BinaryIO:
        """Open a file, unbuffered, whose every write is at its end; for spaces that :attr:`appends`.

        Raises:
            FileNotFoundError: it is not ``new``, and is not there.
        """
        raise NotImplementedError


class MemorySpace(ReservedSpace):
    """A dictionary, which ends with the process."""

    appends = True

    def __init__(self) -> None:
        self._files: dict[str, bytearray] = {}

    def names(self, prefix: str = "") -> list[str]:
        return sorted(name for name in tuple(self._files) if name.startswith(prefix))

    def sizes(self) -> dict[str, int]:
        return {name: len(content) for name, content in self._files.items()}

    def read(self, name: str, start: int = 0) -> bytes:
        try:
            return bytes(self._files[name][start:])
        except KeyError:
            raise FileNotFoundError(name) from None

    def write(self, name: str, data: bytes) -> None:
        self._files[name] = bytearray(data)

    def remove(self, name: str) -> None:
        self._files.pop(name, None)

    def open_for_appending(self, name: str, *, new: bool = True) -> BinaryIO:
        if new:
            self._files[name] = bytearray()
        elif name not in self._files:
            raise FileNotFoundError(name)
        return cast(BinaryIO, _Appended(self._files[name]))


class _Appended(RawIOBase):
    """A file of a :class:`MemorySpace`."""

    def __init__(self, content: bytearray):
        self._content = content

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._content += data
        return len(data)


class PrefixedSpace(ReservedSpace):
    """The space of a storage for a part of that storage.

    Args:
        space: the whole storage's.
        prefix: of the part's keys, with a slash at its end.
    """

    def __init__(self, space: ReservedSpace, prefix: str):
        self._space = space
        self.prefix = space.prefix + prefix
        self.directory, self.location = space.directory, space.location
        self.appends = space.appends

    @property
    def is_in_outage(self) -> bool:
        return self._space.is_in_outage

    @property
    def is_read_only(self) -> bool:
        return self._space.is_read_only

    def names(self, prefix: str = "") -> list[str]:
        return self._space.names(prefix)

    def sizes(self) -> dict[str, int]:
        return self._space.sizes()

    def read(self, name: str, start: int = 0) -> bytes:
        return self._space.read(name, start)

    def read_many(self, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return self._space.read_many(names)

    def write(self, name: str, data: bytes) -> None:
        self._space.write(name, data)

    def remove(self, name: str) -> None:
        self._space.remove(name)

    def open(self, name: str) -> BinaryIO:
        return self._space.open(name)

    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        self._space.write_parts(name, parts)

    def sweep(self, prefix: str = "") -> None:
        self._space.sweep(prefix)

    def open_for_appending(self, name: str, *, new: bool = True) -> BinaryIO:
        return self._space.open_for_appending(name, new=new)
