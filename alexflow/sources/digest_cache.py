"""Cache of digests by location and stamp, in the user's cache directory: a large file is read once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from alexflow.sources.location import ContentDigest, Location


class _Entry(msgspec.Struct):
    url: str
    stamp: str
    digest: str
    size: int


def cached_digest(location: Location) -> tuple[ContentDigest, str]:
    """The digest of the data at a location, and its stamp; the data are read only if the stamp is not in the cache."""
    stamp = location.stamp()
    file = _file_of(location)
    known = _read(file)
    if known is not None and (known.url, known.stamp) == (location.url, stamp):
        return ContentDigest(known.digest, known.size), stamp
    while True:
        found = location.read_digest()
        now = location.stamp()
        if now == stamp:
            break
        stamp = now  # the data changed while they were read
    if location.is_settled():
        _write(file, _Entry(location.url, stamp, found.digest, found.size))
    return found, stamp


def _file_of(location: Location) -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home, "alexflow", "sources", hashlib.blake2b(location.full_url.encode(), digest_size=16).hexdigest())


def _read(file: Path) -> _Entry | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Entry)
    except (OSError, msgspec.DecodeError):
        return None


def _write(file: Path, entry: _Entry) -> None:
    new = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(msgspec.json.encode(entry))
        new.replace(file)
    except OSError:  # the data are read again the next time
        return
