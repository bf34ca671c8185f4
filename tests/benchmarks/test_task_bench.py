"""Task Bench: the patterns, what is computed, and how the duration at 50 % is found."""

import math
from pathlib import Path

import pytest

from benchmarks.taskbench import handmade, with_alexflow
from benchmarks.taskbench.patterns import PATTERNS, Graph
from benchmarks.taskbench.sweep import MOST, metg


@pytest.mark.parametrize("engine", [with_alexflow, handmade], ids=["alexflow", "handmade"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_right_result(engine, pattern: str, tmp_path: Path) -> None:
    graph = Graph(pattern, width=8, steps=5)
    seconds, value = engine.run(graph, 10, tmp_path)
    assert value == graph.expected
    assert seconds > 0


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_reads_of_the_step_before(pattern: str) -> None:
    graph = Graph(pattern)
    known = set(graph.places)
    for step, point in graph.places:
        reads = graph.reads[step, point]
        assert len(set(reads)) == len(reads)
        assert all(other in known and other[0] == step - 1 for other in reads)
    assert len(known) == 32 * 40 - (129 if pattern == "tree" else 0)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("trivial", []),
        ("stencil", [4, 5, 6]),
        ("fft", [1, 5, 9]),
        ("tree", [2]),
    ],
)
def test_who_reads_whom(pattern: str, expected: list[int]) -> None:
    assert [point for _, point in Graph(pattern).reads[8, 5]] == expected


def test_nearest_reads_itself_and_about_half_of_its_four_nearest() -> None:
    graph = Graph("nearest")
    inner = [[other for _, other in graph.reads[step, point]] for step in (1, 2, 3) for point in range(2, 30)]
    assert all(2 <= len(points) + 1 <= 6 for points in inner)
    assert 2.5 < sum(map(len, inner)) / len(inner) < 3.5


@pytest.mark.parametrize("overhead", [3.0, 60.0, 256.0, 1000.0])
def test_half_is_where_the_work_is_as_long_as_the_rest(overhead: float) -> None:
    found, tried = metg(lambda micros: micros / (micros + overhead))
    assert found == pytest.approx(overhead, rel=0.05)
    assert found < 256 or len(tried) < 6


def test_never_efficient() -> None:
    found, tried = metg(lambda micros: 0.4)
    assert math.isinf(found)
    assert max(tried) == MOST


def test_always_efficient() -> None:
    assert metg(lambda micros: 0.9)[0] == 1.0
