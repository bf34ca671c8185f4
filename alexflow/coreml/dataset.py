"""Import path of alexflow 1.x; what it pickled names this module."""

from alexflow.formats import BinaryDatasetOutput, Dataset, DatasetOutput
from alexflow.legacy.moved import moved

__all__ = [
    "BinaryDatasetOutput",
    "Dataset",
    "DatasetOutput",
]

moved(__name__, "alexflow.formats")
