"""``FileOutput``: the base of formats that write a value to a file and read it from one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, NoReturn

from alexflow.errors import AlexflowError, NoFormat
from alexflow.model.output import Output
from alexflow.storage.files import disk_full, is_disk_full
from alexflow.type_vars import T, T_co


class FileOutput(Output[T_co]):
    """A value that is written into a file and read from one, for values too large to be bytes in memory as well.

    Subclasses are formats: they give :meth:`write_to` and :meth:`read_from`. In an async ``run`` both are called in a
    thread.
    """

    def write_to(self, value: T_co, file: BinaryIO) -> None:  # type: ignore[misc]  # a task stores only what it declared
        """Write ``value``. Formats override this."""
        self._no_format()

    def read_from(self, file: BinaryIO) -> T_co:
        """Read the value from a seekable file. Formats override this."""
        self._no_format()

    def _no_format(self) -> NoReturn:
        raise NoFormat(
            f"{type(self).__qualname__} says nothing about files; build {self.key} with a format, such as "
            f"ParquetOutput or NumpyOutput, or give {type(self).__qualname__} write_to() and read_from()"
        )

    def store(self, value: T_co) -> None:  # type: ignore[misc]
        with self.open("wb") as file, self._encoding(value):
            self.write_to(value, file)

    @contextmanager
    def _encoding(self, value: Any) -> Iterator[None]:
        """Raise EncodingError, as every format does, if the value cannot be written."""
        try:
            yield
        except (AlexflowError, OSError):  # it is not the value
            raise
        except Exception as error:  # a library may raise anything
            if is_disk_full(error):
                raise disk_full(self.key) from error
            raise self._unencodable(value, error) from error

    def load(self) -> T_co:
        with self.open("rb") as file, self._decoding():
            return self.read_from(file)

    @contextmanager
    def _decoding(self) -> Iterator[None]:
        """Raise DecodingError, as every format does, if the data cannot be read."""
        try:
            yield
        except Exception as error:  # a library may raise anything
            if not self._is_of_data(error):
                raise
            raise self._undecodable(error) from error

    async def astore(self, value: T_co) -> None:  # type: ignore[misc]
        from alexflow.storage.background import (
            in_thread,
        )  # deferred: it imports asyncio, which a worker process does not need

        await in_thread(self.store, value)

    async def aload(self) -> T_co:
        from alexflow.storage.background import in_thread  # deferred, as above

        return await in_thread(self.load)


def of_local_file(output: Output[Any], read: Callable[[str], T], *, least: int = 0) -> tuple[T] | None:
    """Read the stored file by its path, if it is on this machine.

    Nothing holds it there: a cache drops what it needs the room for, and outputs are removed.

    Args:
        output: the output.
        read: gets the path; what has been read does not need it any more.
        least: the size in bytes from which on this is of use.

    Returns:
        What ``read`` returned, in a tuple. None if there is no such file, or it was removed before it was read: the
        storage's own stream then gives the data, or says that they are gone.
    """
    path = output.bound_storage.local_path(output.key)
    if path is None:
        return None
    try:
        return (read(path),) if not least or os.path.getsize(path) >= least else None
    except Exception:
        if os.path.exists(path):
            raise
        return None


class WriteOnly:
    """A file that can only be written to, one byte after the other.

    Libraries write past a real file, to its descriptor, or go back in it to correct a header. Then its digest could
    not be taken on the way, and they, not the storage, would say that the disk is full.
    """

    def __init__(self, file: BinaryIO):
        self.write = file.write
        self.flush = file.flush
