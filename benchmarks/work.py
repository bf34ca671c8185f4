"""The work of the cases' tasks, the same for every engine, and the values that it must come to.

Standard library only, and nothing of alexflow: every contestant imports this, also one in a virtual environment of its
own. Each task stores its own result as one file, named as its engine names files, holding
``pickle.dumps(value, protocol=5)`` or that engine's own form of it.

========  ===========================================================================================================
case      graph of size N
========  ===========================================================================================================
fan       N leaves, ``leaf(0) … leaf(N - 1)``, and a root, ``total`` of all of them: N + 1 tasks
chain     ``leaf(0)``, then N times ``successor`` of the one before: N + 1 tasks
layered   20 layers of N // 20: the first of leaves ``leaf(i)``, then task i of a layer is ``mixed`` of the five that
          ``parents(i, width)`` names in the layer before; a root, ``folded`` over the last layer: N + 1 tasks
grow      a new root over the N leaves of ``fan``, which exist: ``counted``, which looks at how many inputs it has and
          reads none; nothing but the root may be executed
rerun     all of ``fan`` exists, the same root is asked for again; nothing may be executed
async     N tasks ``asyncio.sleep(seconds)``, then store ``leaf(n)``
cpu       N tasks ``burn(seconds)``, then store ``leaf(n)``
start     one task, ``leaf(N)``, in a worker process
iris      for whole scripts: data, three small models of ``benchmarks.training``, and the best score
sweep     the same with 24 larger ones
========  ===========================================================================================================

The value to answer is the root's, read back from storage; without a root, the sum over all results read back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

LAYERS = 20
PARENTS = 5
MODULUS = 1_000_003

#: Of ``benchmarks.training``.
BEST_SCORES = {"iris": 45, "sweep": 537}


def leaf(number: int) -> int:
    """Return the value of a leaf."""
    return number


def total(values: Iterable[int]) -> int:
    """Return the value of a fan's root."""
    return sum(values)


def successor(before: int) -> int:
    """Return the value of a chain's link."""
    return before + 1


def mixed(values: Iterable[int]) -> int:
    """Return the value of a task in layers."""
    return sum(values) % MODULUS + 1


def folded(values: Iterable[int]) -> int:
    """Return the value of the root over the last layer."""
    return sum(values) % MODULUS


def counted(inputs: int) -> int:
    """Return the value of the new root over existing outputs."""
    return inputs


def burn(seconds: float) -> None:
    """Keep a CPU busy: seconds of its own time, so that a crowded machine makes no contestant's work smaller."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def width_of(size: int) -> int:
    """Return the width of the layers in a ``layered`` of this size."""
    return max(size // LAYERS, 1)


def parents(index: int, width: int) -> list[int]:
    """Return the tasks of the layer before that a task reads; fewer than five where the layer is narrower than that."""
    return list(dict.fromkeys((index + step) % width for step in range(PARENTS)))


def expected(case: str, size: int) -> int:
    """The value that a contestant must answer."""
    if case in ("fan", "rerun", "async", "cpu"):
        return size * (size - 1) // 2
    if case == "layered":
        return _layered(width_of(size))
    if case in BEST_SCORES:
        return BEST_SCORES[case]
    return size  # chain, grow, start


def tasks_of(case: str, size: int) -> int:
    """The number of tasks that a contestant answers for: those that it ran, or whose results it found."""
    if case == "layered":
        return LAYERS * width_of(size) + 1
    return size + 1 if case in ("fan", "chain", "grow", "rerun") else 1 if case == "start" else size


def _layered(width: int) -> int:
    values = [leaf(index) for index in range(width)]
    for _ in range(LAYERS - 1):
        values = [mixed(values[parent] for parent in parents(index, width)) for index in range(width)]
    return folded(values)
