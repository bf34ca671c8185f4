"""The directory ``.alexflow`` in a storage, which holds what is not an output. It is made when it is needed."""

from __future__ import annotations

import os
import stat

from alexflow.blocks_briefly import blocks_briefly
from alexflow.storage.keys import RESERVED

#: How often the directory may vanish while something is made in it: whoever tells case apart makes and removes it.
_TRIES = 100


def make_reserved(base: str, inside: str) -> str:
    """See that the directory ``.alexflow/INSIDE`` is there, open to whom the storage is open to; gives its path."""
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
def tells_case_apart(base: str) -> bool:
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
            except OSError:  # somebody uses it by now
                pass
