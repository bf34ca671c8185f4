"""``alexflow diff`` and ``alexflow reproduce``."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes


def key_of(shell: Shell, *words: str) -> str:
    (line,) = shell("find", *words, "--json").lines
    return str(line["key"])


@pytest.fixture
def filled(shell: Shell) -> Shell:
    """Two runs that have made four models and one."""
    shell("run", "pipeline:models", "--count", "4", "--quiet")
    shell("run", "pipeline:train", "--depth", "9", "--quiet")
    return shell


def test_two_outputs(filled: Shell) -> None:
    first, second = key_of(filled, "config.depth=1"), key_of(filled, "config.depth=9")
    shown = filled("diff", first, second, code=None)
    assert "Train.config.depth: 1 → 9" in shown.out
    data = filled("diff", first, second, "--json", code=None).data
    changes = [(each["path"], each["before"], each["after"]) for each in data["changes"]]
    assert changes == [("Train.config.depth", 1, 9)]


def test_tasks_of_two_classes_differ_in_values_as_they_are_read(filled: Shell) -> None:
    numbers, model = key_of(filled, "Numbers"), key_of(filled, "config.depth=9")
    shown = filled("diff", model, numbers, code=1).out
    module, name, digest, *_ = numbers.split(".")
    assert f"numbers: {module}.{name}.{digest[:8]}.numbers.json → nothing" in shown
    assert "config: Config(depth=9, rate=0.1) → None" in shown
    assert "'$'" not in shown


def test_two_runs(filled: Shell) -> None:
    second, first = [line["id"] for line in filled("runs", "--json").lines]
    data = filled("diff", first, second, "--json", code=1).data
    kinds = sorted(each["kind"] for each in data["differences"])
    assert (data["equal"], kinds) == (False, ["added", *["removed"] * 5])


def test_two_storages(filled: Shell) -> None:
    filled("copy", ".alexflow", "other")
    gone = key_of(filled, "config.depth=9")
    (filled.directory / "other" / gone).unlink()
    data = filled("diff", ".alexflow", "other", "--json", code=1).data
    assert {each["key"] for each in data["differences"] if each["kind"] == "removed"} == {gone}


def test_reproduced(filled: Shell) -> None:
    key = key_of(filled, "config.depth=9")
    assert filled("reproduce", key).first == f"{key}: equal bytes"
    assert filled("reproduce", key, "--deep", "--json").data["how"] == "bytes"
    assert [each["equal"] for each in filled("reproduce", "--sample", "3", "--json").data] == [True] * 3
    assert filled("reproduce", "--sample", "2").first == "2 of 2 equal"


def test_other_code_does_not_reproduce(filled: Shell) -> None:
    key = key_of(filled, "config.depth=9")
    file = filled.directory / "pipeline.py"
    file.write_text(file.read_text().replace("self.config.rate)", "self.config.rate + 1)"))
    shown = filled("reproduce", key, code=1)
    assert "differs" in shown.first
    assert "→" in shown.out


def test_an_input_that_is_gone(filled: Shell) -> None:
    (filled.directory / ".alexflow" / key_of(filled, "Numbers")).unlink()
    key = key_of(filled, "config.depth=9")
    answer = filled("reproduce", key, code=2)
    assert "--deep computes it again" in answer.err
    assert filled("reproduce", key, "--deep").first == f"{key}: equal bytes"
