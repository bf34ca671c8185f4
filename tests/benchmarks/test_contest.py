"""Rounds, ratios, bars."""

from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.contest import Aside, contest, without_figure
from benchmarks.contestant import Answer, Crashed, OverTime, Unfit, Unsupported, Wrong
from benchmarks.measure import Place, Sample, Stopwatch
from benchmarks.outcome import Bar, Outcome, Row


def test_rounds_go_there_and_back_each_in_a_fresh_directory(tmp_path: Path) -> None:
    asked: list[tuple[str, Path]] = []

    def noted(name: str):
        def measure(directory: Path) -> float:
            assert list(directory.iterdir()) == []
            asked.append((name, directory))
            return float(len(asked))

        return measure

    rows = contest(3, Place(tmp_path), {"a": noted("a"), "b": noted("b")})
    assert [name for name, _ in asked] == ["a", "b", "b", "a", "a", "b"]
    assert rows["a"].sample == Sample((1.0, 4.0, 5.0))
    assert len({directory for _, directory in asked}) == 6
    assert list(tmp_path.iterdir()) == []


def test_on_a_disk_nothing_is_deleted_before_the_end(tmp_path: Path) -> None:
    place = Place(tmp_path, keep=True)
    contest(2, place, {"a": lambda directory: 1.0})
    assert len(list(tmp_path.iterdir())) == 2
    place.clear()
    assert list(tmp_path.iterdir()) == []


def test_who_fails_once_is_out(tmp_path: Path) -> None:
    calls = 0

    def fails(directory: Path) -> float:
        nonlocal calls
        calls += 1
        raise OverTime("> 60 s")

    rows = contest(3, Place(tmp_path), {"slow": fails, "quick": lambda directory: 1.0})
    assert calls == 1
    assert rows["slow"] == Row("slow", None, "> 60 s", in_short="> 60 s")
    assert rows["quick"].sample == Sample((1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("name", "unfit", "broken", "in_short"),
    [
        ("luigi", Wrong("wrong result"), True, "wrong"),
        ("luigi", Crashed("exit code 1"), False, "crashed"),
        ("luigi", Unsupported("it has no workers"), False, "unsupported"),
        ("alexflow 1.1.4", Crashed("exit code 1"), False, "crashed"),
        ("alexflow", Crashed("exit code 1"), True, "crashed"),
        ("alexflow, anew", Crashed("exit code 1"), True, "crashed"),
        ("alexflow", OverTime("> 60 s"), False, "> 60 s"),
    ],
)
def test_what_is_an_error(name: str, unfit: Unfit, broken: bool, in_short: str) -> None:
    assert without_figure(name, unfit) == Row(name, None, str(unfit), broken, in_short)


def test_ratios_are_taken_within_a_round() -> None:
    assert Sample((1.0, 10.0, 3.0)).over(Sample((2.0, 5.0, 1.0))) == Sample((0.5, 2.0, 3.0))


def test_a_second_figure_of_the_same_runs(tmp_path: Path) -> None:
    aside = Aside(Answer.micros_to_describe)
    figure = aside.of(Answer.micros_per_task)
    rounds = iter((Answer(2e-6, 1, 0, 0.0, described=1e-6), Answer(4e-6, 1, 0, 0.0)))
    rows = contest(2, Place(tmp_path), {"a": lambda directory: figure(next(rounds)), "b": lambda directory: 1.0})
    found = aside.insert(rows, "a", "a, describing")
    assert list(found) == ["a", "a, describing", "b"]
    assert found["a"].sample == Sample((2.0, 4.0))
    assert found["a, describing"].sample == Sample((1.0, 0.0))
    assert list(aside.insert({"a": without_figure("a", OverTime("> 60 s"))}, "a", "of it")) == ["a"]


def test_what_is_told_beside_the_bars() -> None:
    medians = {"alexflow": 9.0, "handmade": 10.0, "alexflow, warm": 3.0, "handmade, warm": 10.0}
    outcome = Outcome("a case", "µs", {name: Row(name, Sample((median,))) for name, median in medians.items()})
    outcome.at_most(0.5, "handmade")
    outcome.at_most_warm(0.5, "handmade")
    assert [(bar.met, bar.beside) for bar in outcome.bars] == [(False, False), (True, True)]
    assert report.summary([outcome], 1.0).startswith("0 of 1 bars met")
    told = report.as_text("case", outcome).splitlines()
    assert "both warm: ≤ 0.5 × handmade" in told[-1]
    assert "beside the bar, met" in told[-1]
    assert told[4].endswith("alexflow, warm: 0.3 ×")


def test_bars() -> None:
    rows = {"alexflow": Row("alexflow", Sample((2.0, 3.0))), "limit": Row("limit", Sample((1.0, 1.0)))}
    outcome = Outcome("a case", "µs", rows)
    outcome.at_most(2.5, "limit")
    outcome.at_most(2.4, "limit")
    outcome.at_most(9, "somebody who failed")
    outcome.below(3)
    outcome.bars.append(Bar("at least 3", outcome.sample("alexflow"), 3, at_least=True))
    assert [bar.met for bar in outcome.bars] == [True, False, False, True, False]


def test_the_first_stop_counts() -> None:
    watch = Stopwatch()
    with pytest.raises(RuntimeError, match="still runs"):
        watch.seconds  # noqa: B018
    watch.stop()
    seconds = watch.seconds
    watch.stop()
    assert watch.seconds == seconds >= 0
