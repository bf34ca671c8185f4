"""``JoblibOutput``: any picklable value, written by joblib."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO, TypeVar, cast

from alexflow.formats.file import FileOutput
from alexflow.formats.libraries import need

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, eq=False, repr=False)
class JoblibOutput(FileOutput[T_co]):
    """A value as joblib pickles it, compressed; best for what holds large arrays, such as a scikit-learn model.

    Load only what you trust: unpickling can run code.

    Attributes:
        compress: how hard to compress (zlib), from 0, not at all, to 9.
    """

    compress: int = field(default=3, compare=False)

    def write_to(self, value: T_co, file: BinaryIO) -> None:  # type: ignore[misc]
        need("joblib", "joblib").dump(value, file, compress=self.compress)

    def read_from(self, file: BinaryIO) -> T_co:
        return cast(T_co, need("joblib", "joblib").load(file))
