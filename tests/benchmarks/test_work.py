"""The values that the cases must come to, counted the long way."""

from benchmarks import protocol, work


def test_expected() -> None:
    by_hand = {"fan": 6, "chain": 4, "grow": 4, "rerun": 6, "async": 6, "cpu": 6, "start": 4}
    assert {case: work.expected(case, 4) for case in protocol.CASES if case != "layered"} == by_hand


def test_layers() -> None:
    assert work.parents(8, 10) == [8, 9, 0, 1, 2]
    assert work.parents(1, 2) == [1, 0]
    # one task in each layer: a leaf of 0, nineteen that add one
    assert work.expected("layered", 20) == 19
    assert work.tasks_of("layered", 1000) == 1001
