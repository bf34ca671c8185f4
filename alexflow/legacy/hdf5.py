"""``H5FileOutput`` with the documents of 1.x."""

from dataclasses import dataclass
from typing import Any

from alexflow import formats
from alexflow.legacy.outputs import Output

__all__ = ["H5FileOutput", "Output"]


@dataclass(frozen=True, eq=False, repr=False)
class H5FileOutput(Output[Any], formats.H5FileOutput):
    """:class:`alexflow.formats.H5FileOutput` with the documents of 1.x."""
