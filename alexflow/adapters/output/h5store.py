"""Import path of alexflow 1.x."""

from dataclasses import dataclass
from typing import Any

from alexflow import formats
from alexflow.legacy import Output
from alexflow.legacy.moved import moved

__all__ = ["H5FileOutput", "Output"]


@dataclass(frozen=True, eq=False, repr=False)
class H5FileOutput(Output[Any], formats.H5FileOutput):
    """:class:`alexflow.H5FileOutput` with the documents of 1.x."""


moved(__name__, "alexflow.formats")
