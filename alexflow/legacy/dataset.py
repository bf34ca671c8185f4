"""``Dataset``: the data that a model learns from, and its outputs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Generic, TypeAlias

from alexflow.formats.joblib import JoblibOutput
from alexflow.legacy.outputs import Output
from alexflow.type_vars import T_co

__all__ = ["ArrayLike", "BinaryDatasetOutput", "Dataset", "DatasetOutput", "Output", "Partition"]


class ArrayLike(Generic[T_co]):
    """Base for users' data that are neither a frame nor an array."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of rows."""

    @abstractmethod
    def __getitem__(self, index: Any) -> T_co:
        """Some of the rows."""

    @property
    @abstractmethod
    def index(self) -> Any:
        """The labels of the rows."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape, as of an array."""


#: A frame, a series, or an :class:`ArrayLike`.
Partition: TypeAlias = Any


@dataclass(frozen=True)
class Dataset:
    """Features and targets: each a frame, series or array, or a tuple or dict of those with rows in common.

    Attributes:
        X: features.
        Y: targets.
    """

    X: Any
    Y: Any

    @property
    def index(self) -> Any:
        """The index of the features, of the first if there are several."""
        return _first(self.X).index

    @property
    def input_shape(self) -> Any:
        """The shape of one row of features; a list or dict of shapes if there are several."""
        if isinstance(self.X, Mapping):
            return {name: part.shape[1:] for name, part in self.X.items()}
        if isinstance(self.X, list | tuple):
            return [part.shape[1:] for part in self.X]
        return self.X.shape[1:]


def _first(parts: Any) -> Any:
    if isinstance(parts, Mapping):
        return next(iter(parts.values()))
    return parts[0] if isinstance(parts, list | tuple) else parts


@dataclass(frozen=True, eq=False, repr=False)
class DatasetOutput(Output[Dataset]):
    """A :class:`Dataset`, in the format of a subclass."""


@dataclass(frozen=True, eq=False, repr=False)
class BinaryDatasetOutput(JoblibOutput[Dataset], DatasetOutput):
    """A :class:`Dataset`, as joblib pickles it. Load only what you trust.

    Attributes:
        compress: how hard to compress (zlib), from 0, not at all, to 9.
    """

    compress: int = field(default=0, compare=False)

    def write_to(self, value: Dataset, file: BinaryIO) -> None:
        if not isinstance(value, Dataset):
            raise TypeError("it is not a Dataset")
        super().write_to(value, file)
