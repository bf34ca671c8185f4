"""Fields on the command line have the types of their annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alexflow.cli.fields import call_with, changed, given_fields
from alexflow.cli.wrong_use import WrongUse
from tests.cli.pipeline import Config, Everything, Kind, Numbers, Train, train


def resolve(word: str) -> Any:
    return {"numbers": Numbers(3), "config": Config()}[word]


def made(*words: str) -> Everything:
    task = call_with(Everything, given_fields(words), resolve)
    assert isinstance(task, Everything)
    return task


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--number", "5"], {"number": 5}),
        (["--number", "-5"], {"number": -5}),
        (["--number=1_000"], {"number": 1000}),
        (["--fraction", "1"], {"fraction": 1.0}),
        (["--fraction", "1e-3"], {"fraction": 0.001}),
        (["--flag"], {"flag": True}),
        (["--flag", "false"], {"flag": False}),
        (["--no-flag"], {"flag": False}),
        (["--text", "5"], {"text": "5"}),
        (["--text="], {"text": ""}),
        (["--text=--number"], {"text": "--number"}),
        (["--choice", "b"], {"choice": "b"}),
        (["--kind", "LINEAR"], {"kind": Kind.LINEAR}),
        (["--kind", "linear"], {"kind": Kind.LINEAR}),
        (["--path", "a/b"], {"path": Path("a/b")}),
        (["--maybe", "3"], {"maybe": 3}),
        (["--maybe", "none"], {"maybe": None}),
        (["--layers", "[1, 2]"], {"layers": [1, 2]}),
        (["--pair", '["a", 1]'], {"pair": ("a", 1.0)}),
        (["--table", '{"a": 1}'], {"table": {"a": 1}}),
        (["--config.depth", "5"], {"config": Config(5)}),
        (["--config.depth", "5", "--config.rate", "1"], {"config": Config(5, 1.0)}),
        (["--config", '{"depth": 5}'], {"config": Config(5)}),
        (["--either", "5"], {"either": 5}),
        (["--either", "five"], {"either": "five"}),
    ],
)
def test_values(words: list[str], expected: dict[str, Any]) -> None:
    task = made(*words)
    assert task == Everything(**expected)
    assert task.task_id == Everything(**expected).task_id  # which 1 and 1.0 would not share
    for name, value in expected.items():
        assert type(getattr(task, name)) is type(value)


def test_a_field_with_the_name_of_an_option() -> None:
    assert call_with(Everything, given_fields([], ["force=b", "config.depth=4"]), resolve) == Everything(
        force="b", config=Config(4)
    )


def test_outputs_are_named_as_targets() -> None:
    assert call_with(Train, given_fields(["--numbers", "numbers"]), resolve) == Train(Numbers(3).output())
    with pytest.raises(WrongUse, match=r"Train.numbers: takes an Output, not a Config"):
        call_with(Train, given_fields(["--numbers", "config"]), resolve)


def test_functions_have_fields_too() -> None:
    assert call_with(train, given_fields(["--depth", "4"]), resolve) == train(4)


def test_what_is_there_is_changed_in_one_field() -> None:
    assert changed(train(3, count=9), given_fields(["--config.depth", "4"]), resolve) == train(4, count=9)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--number", "1.5"], "Everything.number is a value of type int, which '1.5' is not"),
        (["--number", "true"], "Everything.number is a value of type int"),
        (["--number"], "Everything.number needs a value after --number"),
        (["--flag", "maybe"], "Everything.flag is a value of type bool"),
        (["--choice", "c"], "Everything.choice is one of a, b, which 'c' is not"),
        (["--kind", "OTHER"], "Everything.kind is one of TREE, LINEAR, which 'OTHER' is not"),
        (["--maybe", "x"], "Everything.maybe is one of int, none, which 'x' is not"),
        (["--layers", "1"], "Everything.layers is a value of type list"),
        (["--layers", '["a"]'], "Everything.layers is a value of type list"),
        (["--config.dept", "5"], "Config has no field 'dept'; did you mean depth?"),
        (["--number.real", "5"], "Everything.number is an int, which has no fields"),
        (["--config", "{}", "--config.depth", "5"], "config.depth is given within config"),
        (["number", "5"], "'number' is not a field"),
    ],
)
def test_what_cannot_be_read_is_named(words: list[str], says: str) -> None:
    with pytest.raises(WrongUse) as error:
        made(*words)
    assert says in str(error.value)
