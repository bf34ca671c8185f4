"""``AppendedPlace``: where readers find the parts of an output while its task still makes it."""

from __future__ import annotations

import os
import stat
from typing import NamedTuple

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import StorageDenied
from alexflow.identity.blake2 import blake2b
from alexflow.storage.files import storage_error
from alexflow.storage.keys import RESERVED

#: The staging area of a directory.
_STAGING = f"{RESERVED}/staging"


class AppendedPlace(NamedTuple):
    """The place where an appended file is to be found.

    Attributes:
        base: a directory with a staging area.
        name: the file's name in it.
    """

    base: str
    name: str

    @property
    def directory(self) -> str:
        """The staging area."""
        return f"{self.base}/{_STAGING}"

    @property
    def path(self) -> str:
        """The file."""
        return f"{self.base}/{_STAGING}/{self.name}"


def place_in(base: str, key: str) -> AppendedPlace:
    """Return the place for a key of a storage that is a directory."""
    return AppendedPlace(base, f"parts-{blake2b(key.encode(), digest_size=16).hexdigest()}")


@blocks_briefly("once a stream")
def temporary_place(storage: str, key: str) -> AppendedPlace:
    """Return the place, on this machine, for a key of another storage.

    Args:
        storage: a text that is the storage's in all processes that reach it.
        key: the key.

    Raises:
        StorageDenied: the directory is another user's.
    """
    import tempfile  # deferred: few tasks append

    base = f"{tempfile.gettempdir()}/alexflow-parts-{os.getuid()}"
    try:
        os.mkdir(base, 0o700)
    except FileExistsError:
        status = os.lstat(base)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise StorageDenied(f"{base} is not a directory of this user; remove it", path=base) from None
    except OSError as error:
        raise storage_error("make", base, error) from error
    return place_in(base, f"{storage}\n{key}")
