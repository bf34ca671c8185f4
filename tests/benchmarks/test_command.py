"""The command itself: what it prints, writes, draws, and exits with."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.picture import draw

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "scripts"


def benchmarks(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    places = ["--memory", str(tmp_path), "--disk", str(tmp_path), "--json", str(tmp_path / "figures.json")]
    command = [sys.executable, "-m", "benchmarks", "--rounds", "1", "--scale", "0.002", *places, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def figures(tmp_path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((tmp_path / "figures.json").read_text())
    return data


def test_text_json_and_picture(tmp_path: Path) -> None:
    svg = tmp_path / "figures.svg"
    done = benchmarks(tmp_path, "--svg", str(svg), "--", "grow", "identity")
    assert done.returncode == 0, done.stderr
    assert "grow: a new root over 20 existing outputs" in done.stdout
    data = figures(tmp_path)
    assert data["machine"]["python"] == sys.version.split()[0]
    assert [outcome["case"] for outcome in data["outcomes"]] == ["grow", "identity"]
    for outcome in data["outcomes"]:
        assert outcome["rows"][0]["name"] == "alexflow"
        assert all(len(row["values"]) == 1 and row["median"] is not None for row in outcome["rows"])
        assert outcome["bars"]
    drawn = {element.text for element in ElementTree.parse(svg).iter("{http://www.w3.org/2000/svg}text")}
    assert {"alexflow", "limit", "handmade"} <= drawn
    assert {path.name for path in tmp_path.iterdir()} == {"figures.json", "figures.svg"}


def test_others_who_cannot_take_part_are_shown_and_no_error(tmp_path: Path) -> None:
    others = [str(SCRIPTS / f"{name}.py") for name in ("unable", "broken")]
    done = benchmarks(tmp_path, "memory", "--peers", *others)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in figures(tmp_path)["outcomes"][0]["rows"]}
    assert rows["unable"]["trouble"] == "it has no workers"
    assert rows["broken"]["trouble"] == "exit code 1: RecursionError: too deep"
    assert not rows["broken"]["broken"]


def test_a_wrong_result_is_an_error(tmp_path: Path) -> None:
    done = benchmarks(tmp_path, "memory", "--peers", str(SCRIPTS / "wrong.py"))
    assert done.returncode == 1
    assert "ERROR: wrong result" in done.stdout


def test_an_unknown_case_or_peer(tmp_path: Path) -> None:
    assert "invalid choice" in benchmarks(tmp_path, "nothing").stderr
    assert "there is no" in benchmarks(tmp_path, "fan", "--peers", "nobody").stderr


@pytest.mark.parametrize("median", [None, 12.0, -1.0])
def test_a_picture_of_little(median: float | None) -> None:
    row = {"name": "a & b", "median": median, "values": [median] if median else [], "trouble": "<none>"}
    data = {
        "machine": {"python": "3", "cpus": 2, "processor": "<x>"},
        "rounds": 1,
        "outcomes": [{"case": "fan", "title": "t", "unit": "µs", "rows": [row]}],
    }
    texts = [element.text for element in ElementTree.fromstring(draw(data)).iter("{http://www.w3.org/2000/svg}text")]
    assert ("a & b" in texts) == (median is not None)


def test_the_cost_of_the_record_is_beside_what_it_stands_on(tmp_path: Path) -> None:
    done = benchmarks(tmp_path, "recording")
    assert done.returncode == 0, done.stderr
    of_tasks, sizes, fan, layered = figures(tmp_path)["outcomes"]
    assert {"alexflow", "encoding and hashing", "appending"} <= {row["name"] for row in of_tasks["rows"]}
    assert sizes["unit"] == "bytes/task"
    assert all(bar["met"] for bar in sizes["bars"])
    for outcome in (fan, layered):
        assert [row["name"] for row in outcome["rows"]] == ["alexflow", "alexflow, unrecorded"]
        assert all(row["trouble"] is None for row in outcome["rows"])
