"""``Workers``: the number of worker processes, their interpreter, and their share of the machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import FunctionType

from alexflow.arguments import check_argument, check_whole, wrong_argument
from alexflow.executors.cpus import cpus
from alexflow.executors.library_threads import share_of
from alexflow.executors.recycle import Recycle
from alexflow.frozen import Frozen, set_field


@dataclass(init=False, eq=False, repr=False)
class Workers(Frozen):
    """The number of an engine's worker processes, and of the threads that libraries start in each. ::

        Engine("results", workers=Workers(4, threads=2))

    Attributes:
        count: how many processes at most; None for one per CPU.
        threads: how many threads numerical libraries (OpenMP, BLAS, torch, polars, ...) start in each of them. None is
            their share, CPUs divided by workers, at least 1; 0 leaves the libraries alone. What the environment says
            (``OMP_NUM_THREADS``, ...) comes first in any case.
        python: the interpreter that runs them, a path or a command; None for ``sys.executable``. To be named where that
            is empty or another program, as under uWSGI. It has the same version and sees the same packages.
        recycle: when a process has served long enough and is replaced between two tasks; None for never.
        preload: names of modules that are imported once, before worker processes are forked, so that these start with
            them in milliseconds and share their memory (Linux). It is done anyway for the installed packages that the
            modules of tasks import. None switches it off, so that each worker imports all by itself.

        initializer: a function that each new process calls once, before its first task: for what a script sets for its
            own process, such as ``torch.set_float32_matmul_precision`` or a decimal context. It travels as classes do:
            by name from a module, by value from a script. If it raises, the tasks of that process fail.

    Raises:
        DefinitionError: a number is no whole number, or too small; ``python`` is no path; ``recycle`` is no Recycle;
            ``preload`` is no list of names of modules; ``initializer`` is no function.
    """

    count: int | None = None
    threads: int | None = None
    python: str | os.PathLike[str] | None = None
    recycle: Recycle | None = None
    preload: Sequence[str] | None = ()
    initializer: Callable[[], object] | None = None

    def __init__(
        self,
        count: int | None = None,
        threads: int | None = None,
        python: str | os.PathLike[str] | None = None,
        recycle: Recycle | None = None,
        preload: Sequence[str] | None = (),
        initializer: Callable[[], object] | None = None,
    ):
        set_field(self, "count", count)
        set_field(self, "threads", threads)
        set_field(self, "python", python)
        set_field(self, "recycle", recycle)
        set_field(self, "preload", preload)
        set_field(self, "initializer", initializer)
        self._check()

    def _check(self) -> None:
        for name, value, least in (("count", self.count, 1), ("threads", self.threads, 0)):
            if value is not None:
                check_whole(f"Workers.{name}", value, least)
        if self.python is not None and (not isinstance(self.python, str | os.PathLike) or not os.fspath(self.python)):
            raise wrong_argument("Workers.python", self.python, "the path of a Python interpreter")
        if self.recycle is not None:
            check_argument("Workers.recycle", self.recycle, Recycle, "a Recycle, such as Recycle(tasks=100)")
        if self.initializer is not None:
            meant = "a function without arguments, by def or lambda"
            check_argument("Workers.initializer", self.initializer, FunctionType, meant)
        if self.preload is not None:
            names = tuple(self.preload) if isinstance(self.preload, list | tuple) else ("",)
            if not all(type(name) is str and _is_module(name) for name in names):
                raise wrong_argument("Workers.preload", self.preload, "a list of names of modules, such as ['torch']")
            set_field(self, "preload", names)  # it may be compared and hashed

    def settled(self) -> Workers:
        """Return the same with numbers for what was left open."""
        count = cpus() if self.count is None else self.count
        return replace(self, count=count, threads=share_of(count) if self.threads is None else self.threads)


def _is_module(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))
