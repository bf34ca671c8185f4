"""Random states of a process that is forked: no two forks have one in common, and each has what it would have if it had
imported all modules itself.

A generator that was seeded by the system, as it is where no seed was given, is seeded anew in each fork. One that a
module gives a seed while it is imported has that seed in each process that imports it, and so it does here.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

from alexflow.executors.process.worker.import_hook import when_imported

#: Seeds of NumPy and torch that are larger come from the system.
_LARGEST_GIVEN = 2**32


class RandomStates:
    """The random states of this process: of Python's generators from now on, of others' when it is forked."""

    def __init__(self) -> None:
        self._unseeded: dict[int, Any] = {}  # generators of Python's, by identity
        self._python: Any = None  # the module, once it is imported
        self._of_numpy: list[Any] | None = None
        when_imported("random", self._watch)

    def look(self) -> None:
        """Find what forks have to renew; before the first of them."""
        if self._of_numpy is None:
            self._of_numpy = _unseeded_of_numpy()
        if self._python is not None and id(self._python._inst) not in self._unseeded:
            self._given = self._python.getstate()

    def renew(self) -> None:
        """Seed anew, in a fork, what was not given a seed."""
        if self._python is not None:
            self._python.Random.seed, self._python.seed = self._original
            for generator in self._unseeded.values():
                generator.seed()
            if id(self._python._inst) not in self._unseeded:
                self._python.setstate(self._given)  # Python itself seeds it anew in each fork
        for generator in self._of_numpy or ():
            generator.__setstate__(type(generator)().__reduce__()[2])  # with what further generators are made from
        torch = sys.modules.get("torch")
        if torch is not None and torch.initial_seed() > _LARGEST_GIVEN:
            torch.default_generator.seed()

    def _watch(self) -> None:
        """See which of Python's generators are given a seed."""
        module: Any = sys.modules["random"]
        self._python = module
        seed = module.Random.seed
        self._original = seed, module.seed
        unseeded = self._unseeded
        unseeded[id(module._inst)] = module._inst

        def note_seed(self: Any, a: Any = None, *args: Any, **kwargs: Any) -> None:
            seed(self, a, *args, **kwargs)
            if a is None:
                unseeded[id(self)] = self
            else:
                unseeded.pop(id(self), None)

        module.Random.seed = note_seed
        module.seed = module._inst.seed


def _unseeded_of_numpy() -> list[Any]:
    """NumPy's generators of bits that the system has seeded."""
    numpy = sys.modules.get("numpy.random")
    if numpy is None:
        return []
    kinds = {getattr(numpy, name, None) for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")}
    found = [thing for thing in gc.get_objects() if type(thing) in kinds]
    return [thing for thing in found if getattr(getattr(thing, "seed_seq", None), "entropy", 0) > _LARGEST_GIVEN]
