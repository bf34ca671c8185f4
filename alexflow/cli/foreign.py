"""Directories of other programs' files: no command takes one for a storage."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice

from alexflow.storage.keys import RESERVED
from alexflow.storage.local.digest_store import ATTRIBUTE
from alexflow.storage.local.lock_file import LEASES_FILE

#: Files that are looked at. In a storage the first one says what it is.
_MOST_FILES = 1_000

#: The digest in the names of outputs, also of those that alexflow 1.x has stored.
_DIGEST = re.compile(r"\.[0-9a-f]{40}")


def is_foreign(directory: str) -> bool:
    """Whether a directory has files, and nothing in it is alexflow's: a new or empty one is not foreign."""
    if any(os.path.lexists(os.path.join(directory, name)) for name in (RESERVED, LEASES_FILE)):
        return False
    files = list(islice(_files(directory), _MOST_FILES))
    return bool(files) and not any(_DIGEST.search(file[len(directory) :]) or _has_digest(file) for file in files)


def _files(directory: str) -> Iterator[str]:
    for inner, _, names in os.walk(directory):
        for name in names:
            yield os.path.join(inner, name)


def _has_digest(file: str) -> bool:
    try:
        return ATTRIBUTE in os.listxattr(file)
    except (AttributeError, OSError):  # macOS, or a file system without attributes; there are other signs
        return False
