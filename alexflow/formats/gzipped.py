"""Gzip of which little never becomes much: what is decompressed may come from anywhere.

A gzip file may hold a thousand times its own size. So what is larger than 64 MiB may be a hundred times as large as its
file, and what would be more is written without compression.
"""

from __future__ import annotations

import gzip
import struct
import zlib

GZIP_LEVEL = 6

#: What decompressed bytes may have in any case.
ALWAYS_ALLOWED = 64 * 2**20  # bytes

#: Greatest ratio of what is larger to its gzip file.
MAX_GZIP_RATIO = 100

_MAGIC = b"\x1f\x8b"  # as each gzip file begins, and no JSON
_HEADER = _MAGIC + b"\x08\x00\x00\x00\x00\x00\x00\xff"  # deflate, no name, no time, an unknown system (RFC 1952)
_TRAILER = struct.Struct("<II")  # the checksum and the size
_SMALLEST_WINDOW, _LARGEST_WINDOW = 9, 15  # binary logarithms of bytes, zlib's
_GZIP = 31  # for zlib: the format, and the largest window


def compress(data: bytes) -> bytes:
    """The gzip file of some bytes; equal ones give equal files."""
    compressed = _member(data, GZIP_LEVEL)
    if len(data) > max(ALWAYS_ALLOWED, MAX_GZIP_RATIO * len(compressed)):
        return _member(data, 0)
    return compressed


def _member(data: bytes, level: int) -> bytes:
    """The gzip file of some bytes, made with as much memory as they need.

    With ``gzip.compress`` zlib clears 256 KiB each time, however few they are.
    """
    window = min(max(len(data).bit_length(), _SMALLEST_WINDOW), _LARGEST_WINDOW)
    deflate = zlib.compressobj(level, zlib.DEFLATED, -window, min(window - 5, zlib.DEF_MEM_LEVEL))
    trailer = _TRAILER.pack(zlib.crc32(data), len(data) % 2**32)
    return b"".join((_HEADER, deflate.compress(data), deflate.flush(), trailer))


def decompress_if_gzip(data: bytes) -> bytes:
    """The bytes of a gzip file; others as they are. Raises what :func:`decompress` does."""
    return decompress(data) if data[:2] == _MAGIC else data


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
