"""``alexflow table``: parameters, values of outputs and cost."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.processes


@pytest.fixture
def made(shell: Shell) -> Shell:
    for depth in ("3", "7"):
        shell("run", "pipeline:train", "--depth", depth, "--quiet")
    return shell


def test_as_text(made: Shell) -> None:
    found = made("table", "Train", "sum=model.json:")
    assert found.first == "2 tasks"
    columns = found.out.splitlines()[1].split()
    assert columns[:2] == ["config.depth", "config.rate"]
    assert columns[-6:] == ["sum", "seconds", "cpu_seconds", "peak_rss_bytes", "finished", "key"]
    assert found.next.startswith("alexflow show Train.")
    assert "and 1 more" in made("table", "Train", "--limit", "1").out


def test_as_csv_and_json(made: Shell) -> None:
    rows = list(csv.DictReader(io.StringIO(made("table", "Train", "sum=model.json:", "config.depth>3", "--csv").out)))
    assert [(row["config.depth"], row["kind"], row["sum"]) for row in rows] == [("7", "TREE", "1.0")]
    (line,) = made("table", "Train", "sum=model.json:", "config.depth=7", "--json").lines
    assert (line["config.depth"], line["config.rate"], line["verbose"], line["sum"]) == (7, 0.1, False, 1.0)
    assert line["numbers"].endswith(".numbers.json")
    assert line["key"].endswith(".model.json")
    assert line["finished"].endswith("Z")


def test_csv_is_utf_8_in_any_locale(made: Shell) -> None:
    made.directory.joinpath("named.py").write_text(
        "import alexflow\n\n@alexflow.task\ndef greet(name: str) -> str:\n    return name\n", encoding="utf-8"
    )
    made("run", "named:greet", "--name", "Zoë", "--quiet")
    assert "Zoë" in made("table", "greet", "--csv", PYTHONIOENCODING="ascii").out
    assert "\\xeb" in made("table", "greet", PYTHONIOENCODING="ascii").out  # for people


def test_as_parquet(made: Shell) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert made("table", "Train", "sum=model.json:", "--parquet", "all.parquet").first == "all.parquet: 2 rows"
    table = parquet.read_table(Path(made.directory, "all.parquet"))
    assert sorted(table.column("config.depth").to_pylist()) == [3, 7]
    assert "no/such" in made("table", "Train", "--parquet", "no/such/place.parquet", code=2).err


def test_wrong_words(made: Shell) -> None:
    assert made("table", "Nothing", code=1).first == "0 tasks"
    assert "metrics.json:accuracy" in made("table", "Train", "depth", code=2).err
    refused = made("table", "Train", "sum=other.json:", code=2).err
    assert "other.json" in refused
    assert "model.json" in refused
    assert "each table has a column key" in made("table", "Train", "key=model.json:", code=2).err
