"""The figures in the documentation are written by the program that has them."""

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import page, report, script_page
from benchmarks.contest import Setting
from benchmarks.contestant import Contestant
from benchmarks.measure import Place, Sample
from benchmarks.outcome import Bar, Outcome, Row

DOCS = Path(__file__).parents[2] / "docs"


def rows(**figures: float | Row) -> dict[str, Row]:
    found = {}
    for name, figure in figures.items():
        name = name.replace("__", ", ").replace("_", " ")
        found[name] = figure if isinstance(figure, Row) else Row(name, Sample((figure,)))
    return found


def measured(*peers: str) -> dict[str, Any]:
    fan = Outcome(
        "10,000 tasks",
        "µs/task",
        rows(alexflow=30.0, alexflow__describing=5.0, limit=10.0, handmade=150.0)
        | rows(alexflow__warm=20.0, handmade__warm=140.0),
    )
    fan.at_most(0.3, "handmade")
    fan.at_most(2, "limit")
    fan.at_most_warm(0.3, "handmade")
    identity = Outcome("an id", "µs", rows(alexflow=4.0, encode=1.0))
    identity.bars.append(Bar("≤ 3 × encode", None, 3))
    chain = Outcome("1,000 links", "µs/task", rows(alexflow=90.0))
    none = Outcome("instructions", "thousands", skipped="nothing counts here")
    for name in peers:
        fan.rows[name] = Row(name, Sample((1234.5,)))
        chain.rows[name] = Row(name, None, "it | recurses", False, "unsupported")
        identity.rows[name] = Row(name, None, "> 60 s", False, "> 60 s")
    place = Place(Path())
    setting = Setting(3, place, place, peers=tuple(Contestant(name, Path()) for name in peers))
    data = report.as_data([("fan", fan), ("identity", identity), ("chain", chain), ("instructions", none)], setting)
    data["machine"].update(implementation="CPython", python="3.99", commit="abc")
    return data


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "performance.md").write_text(f"# Above\n\n{page.BEGIN}\nnothing yet\n{page.END}\n\nBelow\n")
    return tmp_path


def written(docs: Path, figures: dict[str, Any], *more: dict[str, Any]) -> str:
    files = []
    for number, data in enumerate((figures, *more)):
        files.append(docs / f"given-{number}.json")
        files[-1].write_text(json.dumps(data))
    page.main([*map(str, files), "--docs", str(docs)])
    return (docs / "performance.md").read_text()


def cells(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {first}")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_table_of_what_was_measured(docs: Path) -> None:
    text = written(docs, measured())
    assert text.startswith(f"# Above\n\n{page.BEGIN}\n\nCPython 3.99, ")
    assert text.endswith(f"{page.END}\n\nBelow\n")
    assert "nothing yet" not in text
    assert cells(text, "case") == ["case", "alexflow", "limit", "handmade", "also", "bar", "found", "met"]
    first = ["fan: 10,000 tasks, µs/task", "30", "10", "150", "describing 5"]
    assert cells(text, "fan:") == [*first, "≤ 0.3 × handmade", "0.2", "yes"]
    assert cells(text, " |") == ["", "", "", "", "", "≤ 2 × limit", "3", "no"]
    assert cells(text, "fan, warm") == [
        "fan, warm",
        "20",
        "",
        "140",
        "",
        "both warm: ≤ 0.3 × handmade",
        "0.143",
        "(yes)",
    ]
    assert cells(text, "identity") == ["identity: an id, µs", "4", "", "", "encode 1", "≤ 3 × encode", "", "no"]
    assert "1 of 3 bars are met" in text
    assert "other engines" not in text
    assert "instructions" not in text


def test_a_picture_and_the_data(docs: Path) -> None:
    assert "](figures/performance.svg)" in written(docs, measured())
    texts = [element.text for element in ElementTree.parse(docs / "figures" / "performance.svg").iter()]
    assert "fan: 10,000 tasks, µs/task" in texts
    assert json.loads((docs / "figures" / "performance.json").read_text()) == json.loads(json.dumps(measured()))


def test_beside_other_engines(docs: Path) -> None:
    text = written(docs, measured(), measured("luigi 3.8", "dask 2026.8"))
    table = text.partition("### Beside other engines")[2]
    assert cells(table, "case") == ["case", "alexflow", "limit", "handmade", "luigi 3.8", "dask 2026.8"]
    assert cells(table, "fan") == ["fan: 10,000 tasks, µs/task", "30", "10", "150", "1,234", "1,234"]
    assert cells(table, "chain") == ["chain: 1,000 links, µs/task", "90", "", "", "unsupported", "unsupported"]
    assert cells(table, "identity")[4:] == ["> 60 s", "> 60 s"]
    assert "* luigi 3.8, chain: unsupported (`it | recurses`)" in table
    assert "luigi" not in text.partition("### Beside other engines")[0]
    assert written(docs, measured()) == text  # what was measured beside them before is kept


def test_beside_other_engines_at_several_sizes(docs: Path) -> None:
    small = measured("luigi 3.8", "redun 0.44")
    small["scale"] = 0.1
    text = written(docs, measured(), measured("dask 2026.8"), small)
    assert text.count("### Beside other engines") == 1
    heads = [line for line in text.splitlines() if line.startswith("| case | alexflow | limit | handmade |")][1:]
    assert [head.split(" | ")[4:] for head in heads] == [["dask 2026.8 |"], ["luigi 3.8", "redun 0.44 |"]]
    assert "All sizes × 0.1" in text.partition(heads[0])[2]
    assert "All sizes" not in text.partition(heads[0])[0]
    assert written(docs, measured()) == text


def test_other_engines_in_the_same_figures(docs: Path) -> None:
    above, _, below = written(docs, measured("luigi 3.8")).partition("### Beside other engines")
    assert "luigi" not in above
    assert "luigi 3.8" in below


@pytest.mark.parametrize("text", ["", page.BEGIN, page.END + page.BEGIN, page.BEGIN + page.END + page.END])
def test_a_page_without_its_comments(text: str) -> None:
    with pytest.raises(ValueError, match="each once"):
        page.rewritten(text, "new")


def test_the_page_shows_the_figures_that_are_kept_beside_it(tmp_path: Path) -> None:
    if not (DOCS / "figures" / "performance.json").exists():
        pytest.skip("nothing has been measured for the page")
    shutil.copytree(DOCS / "figures", tmp_path / "figures")
    shutil.copy(DOCS / "performance.md", tmp_path)
    page.main([str(tmp_path / "figures" / "performance.json"), "--docs", str(tmp_path)])
    for name in ("performance.md", "figures/performance.svg"):
        assert (tmp_path / name).read_text() == (DOCS / name).read_text(), "python -m benchmarks.page writes it anew"


def test_the_table_of_whole_scripts(docs: Path) -> None:
    page_file = docs / "performance.md"
    page_file.write_text(f"{page_file.read_text()}\n{script_page.BEGIN}\n{script_page.END}\nLast\n")
    start = Outcome("the first value", "ms", rows(alexflow=30.0, handmade=20.0, bare=10.0))
    start.rows["joblib 1.6.0"] = Row("joblib 1.6.0", Sample((40.0,)))
    start.at_most(1.7, "handmade")
    start.below(20)
    iris = Outcome("iris", "MiB", rows(alexflow=300.0, handmade=100.0) | {"joblib": Row("joblib", Sample((200.0,)))})
    place = Place(Path())
    setting = Setting(3, place, place, peers=(Contestant("joblib 1.6.0", Path()),))
    figures = docs / "given.json"
    figures.write_text(json.dumps(report.as_data([("script", start), ("script", iris)], setting)))
    script_page.main([str(figures), "--note", "The machine was busy.", "--docs", str(docs)])
    text = page_file.read_text()
    assert "The machine was busy." in text
    assert cells(text, "the first") == [
        *["the first value, ms", "30", "20", "10", "40", "1.5", "≤ 1.7 × handmade", "1.5", "yes"],
    ]
    assert cells(text, " |")[-3:] == ["≤ 20 ms", "30", "no"]
    assert cells(text, "iris")[:6] == ["iris, MiB", "300", "100", "", "200", "3"]
    assert text.endswith("\nLast\n")
    assert json.loads((docs / "figures" / "script.json").read_text())["note"] == "The machine was busy."


def test_the_page_shows_the_scripts_that_are_kept_beside_it(tmp_path: Path) -> None:
    shutil.copytree(DOCS / "figures", tmp_path / "figures")
    shutil.copy(DOCS / "performance.md", tmp_path)
    script_page.main([str(tmp_path / "figures" / "script.json"), "--docs", str(tmp_path)])
    assert (tmp_path / "performance.md").read_text() == (DOCS / "performance.md").read_text()
