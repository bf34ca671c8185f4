"""From what the operating system says to a StorageError that says whether trying again can help."""

from __future__ import annotations

import errno
import os

from alexflow.errors import StorageDenied, StorageError, StorageFull

_CLASSES: dict[int, type[StorageError]] = {
    errno.ENOSPC: StorageFull,  # inodes, too
    errno.EDQUOT: StorageFull,
    errno.EFBIG: StorageFull,
    errno.EROFS: StorageDenied,
    errno.EACCES: StorageDenied,
    errno.EPERM: StorageDenied,
}

#: What the system says of a key under which nothing can be: a step on its way is missing, or is a file.
NOT_THERE = (FileNotFoundError, NotADirectoryError)

_NO_ROOM = os.strerror(errno.ENOSPC)


def tells_of_no_room(error: BaseException) -> bool:
    """Whether it is a full disk that a library met, and says so in the system's words."""
    return _CLASSES.get(getattr(error, "errno", None) or 0) is StorageFull or _NO_ROOM in str(error)


def no_room(path: str) -> StorageError:
    """What to raise then."""
    return failed("write", path, OSError(errno.ENOSPC, _NO_ROOM))


def failed(what: str, path: str, error: OSError) -> StorageError:
    """What to raise where a storage could not ``what`` the file ``path``."""
    code = error.errno or 0
    name = errno.errorcode.get(code, str(error.errno))
    remedy = "; raise `ulimit -n`, or keep fewer streams open" if code == errno.EMFILE else ""
    return _CLASSES.get(code, StorageError)(
        f"cannot {what} {path}: {error.strerror} ({name}){remedy}", path=path, errno=error.errno
    )
