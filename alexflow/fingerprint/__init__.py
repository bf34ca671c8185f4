"""Fingerprints of code: what a task class reaches in first-party modules, found without running any of it."""

from alexflow.fingerprint.code_state import (
    Fingerprint,
    difference_text,
    make_fingerprint,
    names_that_differ,
)
from alexflow.fingerprint.of_class import fingerprint_of

__all__ = ["Fingerprint", "difference_text", "fingerprint_of", "make_fingerprint", "names_that_differ"]
