"""Type variables that stand for any type, one of each variance for the whole package."""

from typing import TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
