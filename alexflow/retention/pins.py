"""Pins: outputs that ``gc`` leaves alone. Each is a small file in the storage's reserved space."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import msgspec

from alexflow.errors import StorageError, UnknownStorage
from alexflow.hooks import repr_of
from alexflow.storage import Storage
from alexflow.storage.reserved import ReservedSpace

_SUFFIX = ".pin"


class Pin(msgspec.Struct, frozen=True):
    """One pin.

    Attributes:
        name: the key of an output, or the id of a task, of which all outputs are meant.
        pinned: when, in seconds since 1970.
        upstream: whether it also keeps all that the output was made from.
        comment: why, for people.
    """

    name: str
    pinned: float
    upstream: bool = False
    comment: str = ""


def pin(storage: Storage, name: str, *, upstream: bool = False, comment: str = "") -> None:
    """Pin an output by its key, or all outputs of a task by its id; a pin that is there is replaced."""
    made = Pin(name, time.time(), upstream, comment)
    _space(storage).write(_file(name), msgspec.json.encode(made))


def unpin(storage: Storage, name: str) -> bool:
    """Remove a pin. Returns whether there was one."""
    space = _space(storage)
    there = _file(name) in space.names()
    space.remove(_file(name))
    return there


def pins(storage: Storage) -> Iterator[Pin]:
    """Yield the pins of a storage; an unreadable one is an error, since what it keeps would be lost."""
    space = storage.reserved("pins")
    if space is None:
        return
    for name in space.names():
        if name.endswith(_SUFFIX):
            try:
                yield msgspec.json.decode(space.read(name), type=Pin)
            except FileNotFoundError:  # removed since it was listed
                continue
            except msgspec.DecodeError as error:
                raise StorageError(f"the pin {name} in {repr_of(storage)} cannot be read: {error}; remove it") from None


def _space(storage: Storage) -> ReservedSpace:
    space = storage.reserved("pins")
    if space is None:
        raise UnknownStorage(f"{repr_of(storage)} has no room for pins")
    return space


def _file(name: str) -> str:
    """The name of a pin's file: a digest, since a key may be longer than a file's name and have slashes."""
    return hashlib.blake2b(name.encode(), digest_size=20).hexdigest() + _SUFFIX
