"""The files in the directory of a storage, without its record, which every run that does anything leaves."""

from __future__ import annotations

import os
from pathlib import Path

RECORD = ".alexflow/record/"


def stored_files(place: str | os.PathLike[str]) -> list[str]:
    """Return the names of all files below a directory, relative to it, but for the record's."""
    files = (path for path in Path(place).rglob("*") if path.is_file())
    names = (str(path.relative_to(place)) for path in files)
    return sorted(name for name in names if not name.startswith(RECORD))
