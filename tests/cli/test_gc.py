"""``alexflow gc``, ``pin`` and ``unpin``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes


@pytest.fixture
def filled(shell: Shell) -> Shell:
    """Four models and their numbers, and a file of another program."""
    shell("run", "pipeline:models", "--count", "4", "--quiet")
    (shell.directory / ".alexflow" / "notes.txt").write_text("mine")
    return shell


def keys(shell: Shell, *words: str) -> list[str]:
    return [line["key"] for line in shell("find", *words, "--json").lines]


def stored(shell: Shell) -> set[str]:
    directory: Path = shell.directory / ".alexflow"
    return {path.name for path in directory.iterdir() if path.is_file()}


def test_nothing_goes_by_itself(filled: Shell) -> None:
    before = stored(filled)
    overview = filled("gc")
    assert overview.first.startswith("6 outputs, ")
    assert "1 output without a record" in overview.out
    data = filled("gc", "--json").data
    assert (data["remove"], data["bytes"], data["applied"]) == ([], 0, False)
    assert [each["key"] for each in data["orphans"]] == ["notes.txt"]
    planned = filled("gc", "--max-bytes", "0B")
    assert planned.first.startswith("would remove 5 outputs, ")
    assert planned.next == "alexflow gc --max-bytes 0B --apply"
    assert stored(filled) == before


def test_applied(filled: Shell) -> None:
    planned = filled("gc", "--max-bytes", "0B", "--json").data
    done = filled("gc", "--max-bytes", "0B", "--apply", "--json").data
    assert (planned["applied"], done["applied"]) == (False, True)
    assert sorted(each["key"] for each in planned["remove"]) == sorted(each["key"] for each in done["remove"])
    assert planned["bytes"] == done["bytes"] > 0
    assert stored(filled) == {"notes.txt"}
    assert filled("run", "pipeline:models", "--count", "4", "--json").data["ran"] == 5


def test_what_has_no_record_goes_by_name(filled: Shell) -> None:
    assert [each["key"] for each in filled("gc", "notes.txt", "--json").data["remove"]] == ["notes.txt"]
    assert filled("gc", "notes.txt", "--apply").first == "removed 1 output, 4 B"
    assert "notes.txt" not in stored(filled)


def test_one_by_its_beginning(filled: Shell) -> None:
    (key,) = keys(filled, "config.depth=3")
    digest = key.split(".")[2]
    assert [each["key"] for each in filled("gc", digest[:8], "--apply", "--json").data["remove"]] == [key]


TWO = """
from dataclasses import dataclass
from alexflow import JSONOutput, Task

@dataclass(frozen=True)
class Two(Task):
    def output(self):
        return [self.build_output(JSONOutput, key=f"{name}.json") for name in "ab"]

    def run(self, input, output):
        for each in output:
            each.store(1)
"""


def test_a_task_stands_for_all_of_its_outputs(filled: Shell) -> None:
    (filled.directory / "two.py").write_text(TWO)
    filled("run", "two:Two", "--quiet")
    (made,) = filled("find", "Two", "--json").lines
    outputs = [each["key"] for each in made["outputs"]]
    assert len(outputs) == 2
    removed = filled("gc", made["task_id"], "--apply", "--json").data["remove"]
    assert sorted(each["key"] for each in removed) == sorted(outputs)


def test_unreachable(filled: Shell) -> None:
    (key,) = keys(filled, "config.depth=3")
    data = filled("gc", "--unreachable", "--keep", key, "--json").data
    assert {each["key"] for each in data["remove"]} == set(keys(filled, "Train")) - {key}
    assert len(filled("gc", "--unreachable", "--keep", "pipeline:train", "--json").data["remove"]) == 3
    assert filled("gc", "--unreachable", "--keep-runs", "1d", "--json").data["remove"] == []
    assert "nothing would be kept" in filled("gc", "--unreachable", code=2).err


def test_pins(filled: Shell) -> None:
    (key,) = keys(filled, "config.depth=3")
    assert filled("pin", key, "--comment", "the best").first == f"pinned {key}"
    listed = filled("pin", "--json").data
    assert [(each["key"], each["upstream"], each["comment"]) for each in listed] == [(key, False, "the best")]
    assert key in filled("pin").out
    left = filled("gc", "--max-bytes", "0B", "--apply", "--json").data
    assert key not in {each["key"] for each in left["remove"]}
    assert stored(filled) == {key, "notes.txt"}
    assert filled("unpin", key[:25]).first == f"unpinned {key}"
    assert filled("gc", "--max-bytes", "0B", "--json").data["remove"][0]["key"] == key


def test_pins_with_their_upstream(filled: Shell) -> None:
    (key,) = keys(filled, "config.depth=3")
    filled("pin", key, "--upstream")
    filled("gc", "--max-bytes", "0B", "--apply")
    assert stored(filled) == {key, *keys(filled, "Numbers"), "notes.txt"}


def test_by_age(filled: Shell) -> None:
    # made a moment ago, so that nothing is old, whatever the files say
    assert filled("gc", "--older-than", "30d", "--json").data["remove"] == []
    assert len(filled("gc", "--older-than", "0s", "--json").data["remove"]) == 5
    filled("run", "pipeline:models", "--count", "4", "--quiet")  # it finds all: they are noted as used on this day
    assert len(filled("gc", "--older-than", "0s", "--json").data["remove"]) == 5


def test_segments_are_merged(shell: Shell) -> None:
    for depth in ("3", "4"):
        shell("run", "pipeline:train", "--depth", depth, "--quiet")
    assert shell("gc", "--merge-segments").first.startswith("would merge 2 files of the record")
    assert shell("gc", "--merge-segments", "--apply", "--json").data["merge"]["segments"] == 1
    assert shell("gc", "--merge-segments").first == "nothing to merge"
    assert shell("runs").first.startswith("2 runs")
