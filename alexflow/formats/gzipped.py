"""Gzip of which little never becomes much: what is decompressed may come from anywhere.

A gzip file may hold a thousand times its own size. So what is larger than 64 MiB may be a hundred times as large as its
file, and what would be more is written without compression.
"""

from __future__ import annotations

import gzip
import zlib

GZIP_LEVEL = 6

#: What decompressed bytes may have in any case.
ALWAYS_ALLOWED = 64 * 2**20  # bytes

#: Greatest ratio of what is larger to its gzip file.
MAX_GZIP_RATIO = 100

_MAGIC = b"\x1f\x8b"  # as each gzip file begins
_GZIP = 31  # for zlib: the format, and the largest window


def compress(data: bytes) -> bytes:
    """The gzip file of some bytes; equal ones give equal files."""
    compressed = gzip.compress(data, compresslevel=GZIP_LEVEL, mtime=0)
    if len(data) > max(ALWAYS_ALLOWED, MAX_GZIP_RATIO * len(compressed)):
        return gzip.compress(data, compresslevel=0, mtime=0)
    return compressed


def decompress(data: bytes) -> bytes:
    """The bytes of a gzip file.

    Raises:
        gzip.BadGzipFile: it is none, or there are more than are allowed.
        zlib.error: it is damaged.
        EOFError: its end is missing.
    """
    allowed = left = max(ALWAYS_ALLOWED, MAX_GZIP_RATIO * len(data))
    parts: list[bytes] = []
    rest = data
    while rest:
        if rest[:2] != _MAGIC:
            raise gzip.BadGzipFile(f"Not a gzipped file ({rest[:2]!r})")
        member = zlib.decompressobj(wbits=_GZIP)
        part = member.decompress(rest, left + 1)
        left -= len(part)
        if left < 0:
            raise gzip.BadGzipFile(f"{len(data):,} bytes would become more than {allowed:,}")
        if not member.eof:
            raise EOFError("the end of the gzip file is missing")
        parts.append(part)
        rest = member.unused_data.lstrip(b"\0")
    return parts[0] if len(parts) == 1 else b"".join(parts)
