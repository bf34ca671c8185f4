"""``Workers``: how many worker processes, and what each of them may use."""

from __future__ import annotations

from dataclasses import dataclass

from alexflow.errors import DefinitionError
from alexflow.executors.cpus import cpus
from alexflow.executors.library_threads import share_of


@dataclass(frozen=True)
class Workers:
    """How many worker processes an engine has, and how many threads libraries start in each. ::

        Engine("results", workers=Workers(4, threads=2))

    Attributes:
        count: how many processes at most; None for one per CPU.
        threads: how many threads numerical libraries (OpenMP, BLAS, torch, polars, ...) start in each of them. None is
            their share, CPUs divided by workers, at least 1; 0 leaves the libraries alone. What the environment says
            (``OMP_NUM_THREADS``, ...) comes first in any case.

    Raises:
        DefinitionError: a number is no whole number, or too small.
    """

    count: int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name, value, least in (("count", self.count, 1), ("threads", self.threads, 0)):
            if value is not None and (type(value) is not int or value < least):
                raise DefinitionError(f"Workers.{name} must be a whole number of at least {least}, not {value!r}")

    def settled(self) -> Workers:
        """The same with numbers for what was left open."""
        count = cpus() if self.count is None else self.count
        return Workers(count, share_of(count) if self.threads is None else self.threads)
