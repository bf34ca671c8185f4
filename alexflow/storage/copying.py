"""From one storage to another, or to another key: without moving the bytes where the storages can share them."""

from __future__ import annotations

import errno
import os
from typing import Literal

from alexflow.errors import OutputNotFound
from alexflow.storage.interface import Storage
from alexflow.storage.local import LocalStorage
from alexflow.storage.oserror import failed

#: What became of a copy: the two are one file; it is a file of its own; the key had something under it, which stays.
Copied = Literal["linked", "copied", "existed"]

#: What a file system says that cannot make two names of one file.
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS})


def copy_object(source: Storage, key: str, target: Storage, to: str | None = None) -> Copied:
    """Have what is stored under a key of one storage under a key of another, or of the same.

    Args:
        source: where it is.
        key: what it is stored under.
        target: where it is to be, too.
        to: the key there; by default the same.

    Raises:
        OutputNotFound: nothing is stored under ``key``.
        StorageError: one of the two refused.
    """
    to = key if to is None else to
    if isinstance(source, LocalStorage) and isinstance(target, LocalStorage):
        linked = _link(source, key, target, to)
        if linked is not None:
            return linked
    return "copied" if target.write(to, source.read(key)) else "existed"


def _link(source: LocalStorage, key: str, target: LocalStorage, to: str) -> Copied | None:
    """Make it one file under two names; None where that is not possible."""
    path = target.path_of(to)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.link(source.path_of(key), path, follow_symlinks=False)
    except FileExistsError:
        return "existed"
    except FileNotFoundError:
        raise OutputNotFound(key, source.base_path) from None
    except OSError as error:
        if error.errno in _NO_LINKS:
            return None
        raise failed("link", path, error) from error
    return "linked"
