"""From what the operating system says to a StorageError that says whether trying again can help."""

from __future__ import annotations

import errno

from alexflow.errors import StorageDenied, StorageError, StorageFull

_CLASSES: dict[int, type[StorageError]] = {
    errno.ENOSPC: StorageFull,  # inodes, too
    errno.EDQUOT: StorageFull,
    errno.EFBIG: StorageFull,
    errno.EROFS: StorageDenied,
    errno.EACCES: StorageDenied,
    errno.EPERM: StorageDenied,
}


def failed(what: str, path: str, error: OSError) -> StorageError:
    """What to raise where a storage could not ``what`` the file ``path``."""
    code = error.errno or 0
    name = errno.errorcode.get(code, str(error.errno))
    return _CLASSES.get(code, StorageError)(
        f"cannot {what} {path}: {error.strerror} ({name})", path=path, errno=error.errno
    )
