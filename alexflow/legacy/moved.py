"""The deprecation warning of the import paths of 1.x."""

from __future__ import annotations

import sys
import warnings

#: Packages that import a module on behalf of others.
_BETWEEN = ("_frozen_importlib", "importlib", "joblib", "pickle")


def moved(old: str, new: str) -> None:
    """Warn the code that imports the module ``old``, and name the module to import instead.

    There is no warning for a document or a pickle of 1.x that names the module: stored data cannot be changed.
    """
    importer = sys._getframe(2)
    while importer.f_back is not None and _package(importer.f_globals) in _BETWEEN:
        importer = importer.f_back
    if _package(importer.f_globals) != "alexflow":
        warnings.warn(f"{old} is an import path of alexflow 1.x; import from {new}", DeprecationWarning, stacklevel=3)


def _package(namespace: dict[str, object]) -> str:
    return str(namespace.get("__name__")).partition(".")[0]
