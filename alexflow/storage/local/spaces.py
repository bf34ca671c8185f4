"""The reserved spaces of a local storage: directories beside the staging area."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import BinaryIO, cast

from alexflow.blocks_briefly import blocks_briefly
from alexflow.storage.files import open_above, storage_error
from alexflow.storage.keys import RESERVED
from alexflow.storage.local.staging_area import make_again, make_reserved
from alexflow.storage.reserved import ReservedSpace, Space


class LocalSpace(ReservedSpace):
    """A directory.

    Args:
        base: the storage's directory.
        space: the space.
    """

    appends = True

    def __init__(self, base: str, space: Space):
        self._base = base
        self._inside = space
        self._path = self.directory = self.location = f"{base}/{RESERVED}/{space}"

    @blocks_briefly("for a reader of records, and once an engine")
    def names(self, prefix: str = "") -> list[str]:
        try:
            return sorted(name for name in os.listdir(self._path) if name.startswith(prefix))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise storage_error("list", self._path, error) from error

    @blocks_briefly("for a reader of records")
    def sizes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for name in self.names():
            try:
                found[name] = os.stat(f"{self._path}/{name}").st_size
            except FileNotFoundError:  # removed since it was listed
                continue
        return found

    @blocks_briefly("for a reader of records")
    def read(self, name: str, start: int = 0) -> bytes:
        with open(f"{self._path}/{name}", "rb", opener=open_above) as file:
            file.seek(start)
            return file.read()

    @blocks_briefly("a small file")
    def write(self, name: str, data: bytes) -> None:
        self.write_parts(name, (data,))

    def write_parts(self, name: str, parts: Iterable[bytes]) -> None:
        temporary = f"{self._made()}/.{name}.{os.getpid()}-{os.urandom(4).hex()}.new"
        try:
            with open(temporary, "xb", opener=open_above) as file:
                file.writelines(parts)
            os.replace(temporary, f"{self._path}/{name}")
        except BaseException as error:  # an exit, too, leaves nothing
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            if not isinstance(error, OSError):
                raise
            raise storage_error("write", f"{self._path}/{name}", error) from error

    def open(self, name: str) -> BinaryIO:
        return cast(BinaryIO, open(f"{self._path}/{name}", "rb", opener=open_above))

    def sweep(self, prefix: str = "") -> None:
        for name in self.names(f".{prefix}"):
            if name.endswith(".new"):
                self.remove(name)

    @blocks_briefly("a single call of the system")
    def remove(self, name: str) -> None:
        try:
            os.unlink(f"{self._path}/{name}")
        except FileNotFoundError:
            pass

    @blocks_briefly("once an engine, and once for each time that it was idle")
    def open_for_appending(self, name: str, *, new: bool = True) -> BinaryIO:
        path = f"{self._made() if new else self._path}/{name}"
        try:
            return cast(BinaryIO, open(path, "xb" if new else "r+b", buffering=0, opener=_open_at_end))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise storage_error("write", path, error) from error

    @property
    def is_read_only(self) -> bool:
        return os.path.isdir(self._base) and not os.access(self._base, os.W_OK)

    def _made(self) -> str:
        try:
            make_again(self._base)
            return make_reserved(self._base, self._inside)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise storage_error("write", self._path, error) from error


def _open_at_end(path: str, flags: int) -> int:
    return open_above(path, flags | os.O_APPEND | os.O_CLOEXEC)
