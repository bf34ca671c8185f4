"""Sources: data that no task has made, identified by their content and usable wherever an output is."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.sources.external import Source as Source
    from alexflow.sources.external import asource as asource
    from alexflow.sources.external import source as source

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "external": "Source asource source",
    },
)
