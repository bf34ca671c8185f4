"""BLAKE2b without OpenSSL, which ``hashlib`` loads and which takes longer than a run that has nothing to do."""

try:  # as `random` of the standard library does
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

__all__ = ["blake2b"]
