"""BLAKE2b, as ``hashlib`` has it, but without OpenSSL, whose loading takes longer than a run that finds all done."""

try:  # as `random` of the standard library does
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

__all__ = ["blake2b"]
