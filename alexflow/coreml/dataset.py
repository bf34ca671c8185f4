"""Import path of alexflow 1.x; what it pickled names this module."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from alexflow import formats
from alexflow.formats import Dataset
from alexflow.legacy import Output
from alexflow.legacy.moved import moved

__all__ = ["ArrayLike", "BinaryDatasetOutput", "Dataset", "DatasetOutput", "Output", "Partition"]

T_co = TypeVar("T_co", covariant=True)


class ArrayLike(Generic[T_co]):
    """What users of 1.x made for data that are neither a frame nor an array."""

    @abstractmethod
    def __len__(self) -> int:
        """How many rows."""

    @abstractmethod
    def __getitem__(self, index: Any) -> T_co:
        """Some of the rows."""

    @property
    @abstractmethod
    def index(self) -> Any:
        """What the rows are called."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """As an array has it."""


#: A frame, a series, or an :class:`ArrayLike`.
Partition: TypeAlias = Any


@dataclass(frozen=True, eq=False, repr=False)
class DatasetOutput(Output[Dataset], formats.DatasetOutput):
    """:class:`alexflow.formats.DatasetOutput` with the documents of 1.x."""


@dataclass(frozen=True, eq=False, repr=False)
class BinaryDatasetOutput(DatasetOutput, formats.BinaryDatasetOutput):
    """:class:`alexflow.formats.BinaryDatasetOutput` with the documents of 1.x."""


moved(__name__, "alexflow.formats")
