"""Bytes for the tests of streams."""

from alexflow.storage.local.read import MAX_INLINE_BYTES

#: A size for which every storage writes more than one piece.
LARGE = 3 * MAX_INLINE_BYTES + 17


def contents(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]
