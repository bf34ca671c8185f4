"""Libraries behind formats: imported when a value is stored or loaded; if missing, the error names alexflow's extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from alexflow.errors import MissingLibrary


def need(module: str, extra: str) -> Any:
    """A module of a library.

    Raises:
        MissingLibrary: it is not installed; the message names the extra of alexflow that brings it.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        library = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != library:  # it is there, but broken
            raise
        raise MissingLibrary(f'{library} is needed and not installed; pip install "alexflow[{extra}]"') from error
