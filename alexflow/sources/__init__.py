"""Data that no task made: known by its content, and usable wherever an output is."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.sources.external import Source, asource, source

__all__ = ["Source", "asource", "source"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Source": "alexflow.sources.external",
        "asource": "alexflow.sources.external",
        "source": "alexflow.sources.external",
    },
)
