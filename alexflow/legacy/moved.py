"""The note that an import path of 1.x is one."""

from __future__ import annotations

import warnings


def moved(old: str, new: str) -> None:
    """Say, to whoever imports the module ``old``, what to import instead."""
    warnings.warn(f"{old} is an import path of alexflow 1.x; import from {new}", DeprecationWarning, stacklevel=3)
