"""The place of an index: beside the record of a local storage, else in the user's cache directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from alexflow.identity.blake2 import blake2b
from alexflow.storage.reserved import ReservedSpace

#: The environment variable that names a directory for all indexes.
DIRECTORY_VARIABLE = "ALEXFLOW_INDEX"

#: The ending of an index's name. A new number makes former ones superfluous: a change of the tables needs one.
INDEX_SUFFIX = ".index-1.sqlite"


def index_path(spaces: Sequence[ReservedSpace]) -> str | None:
    """Return the path of the index of some spaces, the first of which is written to; None if they have no place.

    The index of a directory lies in it, so that it is copied along; its name says through which prefix it sees keys.
    """
    if not spaces or any(space.location is None for space in spaces):
        return None
    seen = [f"{space.location}\0{space.prefix}" for space in spaces]
    directory, named = spaces[0].directory, os.environ.get(DIRECTORY_VARIABLE)
    if not named and directory is not None and os.access(directory, os.W_OK):
        rest = [spaces[0].prefix, *seen[1:]]
        return f"{directory}/record{f'-{_digest(rest)}' if any(rest) else ''}{INDEX_SUFFIX}"
    return f"{named or cache_directory()}/{_digest(seen)}{INDEX_SUFFIX}"


def cache_directory() -> str:
    """Return the directory for indexes of storages that have no directory, or one that cannot be written."""
    home = os.path.expanduser("~")
    default = f"{home}/Library/Caches" if sys.platform == "darwin" else f"{home}/.cache"
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or default, "alexflow", "index")


def _digest(parts: Sequence[str]) -> str:
    return blake2b("\0".join(parts).encode(errors="surrogateescape"), digest_size=8).hexdigest()
