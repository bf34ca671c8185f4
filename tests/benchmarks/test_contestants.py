"""Everybody who takes part does each case rightly; who does not is found out."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import protocol, work
from benchmarks.contestant import (
    ALEXFLOW,
    FLOOR,
    HANDMADE,
    LIMIT,
    Contestant,
    Crashed,
    OverTime,
    Question,
    Unsupported,
    Wrong,
    peer,
    warm,
)

SCRIPTS = Path(__file__).parent / "scripts"


def script(name: str) -> Contestant:
    return Contestant(name, SCRIPTS / f"{name}.py")


@pytest.mark.parametrize("case", protocol.CASES)
@pytest.mark.parametrize("contestant", [ALEXFLOW, LIMIT, HANDMADE], ids=lambda contestant: contestant.name)
def test_the_right_result(contestant: Contestant, case: str, tmp_path: Path) -> None:
    answer = contestant.ask(Question(case, 40, seconds=0.001), tmp_path, limit=60)
    assert answer.value == work.expected(case, 40)
    assert answer.seconds > 0


def test_the_floor(tmp_path: Path) -> None:
    answer = FLOOR.ask(Question("fan", 600), tmp_path, limit=60)
    assert answer.value == work.expected("fan", 600)
    assert len(list((tmp_path / "storage").glob("*.value.pkl"))) == 601
    with pytest.raises(Unsupported, match="wait for others"):
        FLOOR.ask(Question("chain", 10), tmp_path, limit=60)


def test_on_the_loop(tmp_path: Path) -> None:
    on_the_loop = replace(ALEXFLOW, options=("--executor", "loop"))
    assert on_the_loop.ask(Question("fan", 40), tmp_path, limit=60).value == work.expected("fan", 40)


@pytest.mark.parametrize("case", ["fan", "chain", "layered"])
@pytest.mark.parametrize("contestant", [ALEXFLOW, HANDMADE], ids=lambda contestant: contestant.name)
def test_warm(contestant: Contestant, case: str, tmp_path: Path) -> None:
    answer = warm(contestant).ask(Question(case, 40), tmp_path, limit=60)
    assert answer.value == work.expected(case, 40)
    assert answer.executed == work.tasks_of(case, 40)  # nothing of it was there from before


def test_warm_where_it_means_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="only fan, chain and layered"):
        warm(ALEXFLOW).ask(Question("rerun", 10), tmp_path, limit=60)


@pytest.mark.parametrize("case", ["grow", "rerun"])
def test_what_exists_described_again(case: str, tmp_path: Path) -> None:
    anew = replace(ALEXFLOW, options=("--anew",))
    assert anew.ask(Question(case, 40), tmp_path, limit=60).executed == (case == "grow")


def test_a_wrong_result(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="wrong result: 46 instead of 45"):
        script("wrong").ask(Question("fan", 10), tmp_path, limit=60)


def test_work_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="11 tasks were executed where 0 had to be"):
        script("eager").ask(Question("rerun", 10), tmp_path, limit=60)


def test_unable(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="it has no workers"):
        script("unable").ask(Question("fan", 10), tmp_path, limit=60)


def test_no_answer(tmp_path: Path) -> None:
    with pytest.raises(Crashed, match="no answer"):
        script("silent").ask(Question("fan", 10), tmp_path, limit=60)


def test_an_exception(tmp_path: Path) -> None:
    with pytest.raises(Crashed, match="exit code 1: RecursionError: too deep"):
        script("broken").ask(Question("fan", 10), tmp_path, limit=60)


def test_who_takes_too_long_is_ended_with_all_children(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(OverTime, match=re.escape("> 0.5 s")):
        script("endless").ask(Question("fan", 10), tmp_path, limit=0.5)
    os.set_blocking(reader, True)
    assert os.read(reader, 1) == b""  # nobody holds the other end
    os.close(reader)


def test_a_peer_by_the_path_of_its_script() -> None:
    assert peer(str(SCRIPTS / "unable.py")).name == "unable"


@pytest.mark.parametrize("name", ["nobody", "nowhere/nobody.py"])
def test_a_peer_that_is_not_there(name: str) -> None:
    with pytest.raises(FileNotFoundError, match="there is no"):
        peer(name)
