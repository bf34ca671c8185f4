"""Files on their way that have a name, and what becomes of them when their maker dies.

All of a storage's are in one directory, ``.alexflow/staging``, so that those that were left behind are found without
a look at the outputs. The name states the maker: machine, process. A file is stale when it is old and its maker is
gone; from another machine, when it is too old for its maker to be still at work.
"""

from __future__ import annotations

import itertools
import os
import stat
import time

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import StorageError, UnknownStorage
from alexflow.storage.files import NOT_THERE, storage_error
from alexflow.storage.keys import RESERVED
from alexflow.storage.processes import lives, this_machine

#: How many times the directory may vanish while another is made in it: the check of case makes and removes it.
_TRIES = 100


def make_reserved(base: str, inside: str) -> str:
    """Make the directory ``.alexflow/INSIDE`` with the storage's permissions; returns its path."""
    path = f"{base}/{RESERVED}"
    steps = [path]
    for step in inside.split("/"):
        path = f"{path}/{step}"
        steps.append(path)
    for tries_left in reversed(range(_TRIES)):
        try:
            for directory in steps:
                _make(base, directory)
            break
        except FileNotFoundError:
            if not tries_left or not os.path.isdir(base):
                raise
    return path


@blocks_briefly("seldom, and then a directory")
def make_again(base: str) -> None:
    """Make a storage's directory, if it was removed since it was opened, as the next output would."""
    if not os.path.isdir(base):
        from alexflow.logs import logger  # deferred: a run that finds everything loads no logging

        os.makedirs(base, exist_ok=True)
        logger.warning("the storage %s was removed while it was in use; it is made again", base)


def make_directory(base: str) -> None:
    """Make a storage's directory if its parent exists; a longer missing path is taken for a typing error.

    Raises:
        UnknownStorage: it cannot be made there.
    """
    try:
        os.mkdir(base)
    except FileExistsError:
        if not os.path.isdir(base):
            what = "a symbolic link that leads nowhere" if not os.path.exists(base) else "a file, not a directory"
            raise UnknownStorage(f"the storage path {base} is {what}") from None
    except FileNotFoundError:
        parent = os.path.dirname(base)
        if os.path.isdir(parent):  # the file system says so of what it does not make
            raise UnknownStorage(
                f"cannot make the storage {base}: in {parent} the system makes no directories; name another place"
            ) from None
        raise UnknownStorage(
            f"cannot make the storage {base}: there is no directory {parent}; create it or correct the path"
        ) from None
    except OSError as error:
        fault = storage_error("make the storage", base, error)
        raise (UnknownStorage(str(fault)) if type(fault) is StorageError else fault) from error


@blocks_briefly("once an engine")
def _make(base: str, directory: str) -> None:
    try:
        os.mkdir(directory)
    except FileExistsError:
        return
    mode = stat.S_IMODE(os.stat(base).st_mode)
    if mode != stat.S_IMODE(os.stat(directory).st_mode):
        os.chmod(directory, mode)


@blocks_briefly("once an engine")
def is_case_sensitive(base: str) -> bool:
    """Whether names that differ only by case are different files in a storage."""
    path = f"{base}/{RESERVED}"
    try:
        os.mkdir(path)
        made = True
    except FileExistsError:
        made = False
    except OSError:
        return True  # nothing can be written here, so nothing can clash
    try:
        return not os.path.exists(f"{base}/{RESERVED.upper()}")
    finally:
        if made:
            try:
                os.rmdir(path)
            except OSError:  # in use by now
                pass


STAGING = f"{RESERVED}/staging"

#: The age at which a file is stale if its maker, a process of this machine, is gone.
STALE_AFTER = 3600.0  # seconds

#: The age at which a file is stale if its maker cannot be looked for: a process of another machine, or of this one
#: before it was restarted.
FOREIGN_STALE_AFTER = 7 * 24 * 3600.0  # seconds

#: Files that are looked at before a run, a millisecond's worth; the rest waits for another run.
SWEEP_BATCH = 256

_numbers = itertools.count()


def temporary_name() -> str:
    """A unique name that states its maker."""
    return f"{this_machine()}-{os.getpid()}-{next(_numbers)}-{os.urandom(4).hex()}"


@blocks_briefly("once an engine, and then little")
def sweep(base: str, older_than: float = STALE_AFTER, *, at_most: int | None = None) -> int:
    """Remove stale files from a storage.

    Args:
        base: the storage's directory.
        older_than: seconds.
        at_most: how many files to look at.

    Returns:
        How many were removed.

    Raises:
        OSError: the directory cannot be listed.
    """
    removed = 0
    now = time.time()
    directory = f"{base}/{STAGING}"
    for name in _names(directory, at_most):
        path = f"{directory}/{name}"
        removed += _is_stale(path, name, now, older_than) and _remove(path)
    return removed


def _names(directory: str, at_most: int | None) -> list[str]:
    """The names in a directory; of more than ``at_most``, a random sample, so that each has its turn in the end."""
    try:
        names = os.listdir(directory)
    except NOT_THERE:
        return []
    if at_most is None or len(names) <= at_most:
        return names
    import random  # deferred: seldom so many

    return random.sample(names, at_most)


def _is_stale(path: str, name: str, now: float, older_than: float) -> bool:
    try:
        age = now - os.lstat(path).st_mtime
    except FileNotFoundError:  # it has arrived
        return False
    if age < older_than:
        return False
    machine, _, rest = name.partition("-")
    process = rest.partition("-")[0]
    if machine == this_machine() and process.isdecimal():
        return not lives(int(process))
    return age >= FOREIGN_STALE_AFTER


def _remove(path: str) -> bool:
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            import shutil  # deferred: only outputs written through a path have a directory of their own

            shutil.rmtree(path)
        else:
            os.unlink(path)
    except OSError:  # another process was quicker, or permission is missing
        return False
    return True
