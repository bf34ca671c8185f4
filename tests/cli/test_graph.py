"""``alexflow graph``."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from alexflow.cli.task_graph import GraphNode, TaskGraph
from alexflow.cli.tree import tree
from alexflow.report.layout import Placed, placed
from tests.cli.conftest import Shell

processes = pytest.mark.processes


def graph(reads: dict[str, list[str]], classes: dict[str, str] | None = None) -> TaskGraph:
    nodes = {name: GraphNode(name, (classes or {}).get(name, name), name, None) for name in reads}
    return TaskGraph(nodes, reads)


def places_of(graph: TaskGraph) -> dict[str, Placed]:
    return placed([*graph.nodes], graph.reads)


@processes
def test_a_tree(shell: Shell) -> None:
    assert shell("graph", "pipeline:train").out.splitlines() == [
        "2 tasks, 0 done",
        "· Train(config=Config(depth=3, rate=0.1), kind=<Kind.TREE: 'tree'>)",
        "└─ · Numbers(count=5, seed=0)",
    ]
    shell("run", "pipeline:train")
    assert [line.replace("└─ ", "")[0] for line in shell("graph", "pipeline:train").out.splitlines()] == ["2", "✓", "✓"]


@processes
def test_as_json_and_by_class(shell: Shell) -> None:
    data = shell("graph", "pipeline:models", "--count", "3", "--json").data
    assert [len(data["nodes"]), len(data["edges"])] == [4, 3]
    assert {node["done"] for node in data["nodes"]} == {False}
    data = shell("graph", "pipeline:models", "--count", "3", "--json", "--by-class").data
    assert {node["class"]: node["count"] for node in data["nodes"]} == {"pipeline.Train": 3, "pipeline.Numbers": 1}


@processes
def test_mermaid_and_dot(shell: Shell) -> None:
    lines = shell("graph", "pipeline:train", "--format", "mermaid").out.splitlines()
    assert lines[0] == "flowchart TD"
    assert "    n1 --> n0" in lines
    shell("graph", "pipeline:train", "--output", "g.dot")
    text = (shell.directory / "g.dot").read_text()
    assert text.startswith("digraph alexflow {")
    assert "n1 -> n0;" in text


@processes
def test_a_picture_needs_nothing_else(shell: Shell) -> None:
    shell("graph", "pipeline:models", "--count", "5", "--output", "g.svg")
    root = ElementTree.fromstring((shell.directory / "g.svg").read_text())
    assert len(root.findall(".//{*}rect")) == 6
    assert len(root.findall(".//{*}path")) == 5
    shell("graph", "pipeline:models", "--count", "5", "-o", "g.html")
    page = (shell.directory / "g.html").read_text()
    assert "<svg" in page
    assert not re.search(r"(src|href)=|url\(|@import", page)


@processes
def test_a_large_graph_is_drawn_by_class(shell: Shell) -> None:
    answer = shell("graph", "pipeline:models", "--count", "2100", "-o", "g.svg")
    assert "drawn by class" in answer.err
    assert (shell.directory / "g.svg").read_text().count("<rect") == 2


@processes
def test_paths(shell: Shell) -> None:
    out = shell("graph", "pipeline:train", "--from", "Numbers").out
    assert len(out.splitlines()) == 3
    shell("run", "pipeline:train", "--quiet")
    [found] = shell("find", "Numbers", "--json").lines
    name = ".".join(found["task_id"].split(".")[-2:])[:-20]  # as `find` shows it
    assert len(shell("graph", "Train", "--from", name).out.splitlines()) == 3


def test_the_paths_between_two() -> None:
    diamond = graph({"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": [], "e": ["d"], "x": ["a"]})
    assert set(diamond.between("a", "d").nodes) == {"a", "b", "c", "d"}
    assert set(diamond.between("b", "e").nodes) == {"b", "d", "e"}
    assert not diamond.between("x", "d").nodes


def test_a_diamond_is_shown_once() -> None:
    lines = list(tree(graph({"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": ["z"], "z": []})))
    assert lines == ["  d", "├─   b", "│  └─   a", "│     └─   z", "└─   c", "   └─   a  (above)"]


def test_many_alike_are_counted() -> None:
    names = [f"n{number}" for number in range(50)]
    reads = {"top": names, **{name: [] for name in names}}
    lines = list(tree(graph(reads, dict.fromkeys(names, "pkg.Score"))))
    assert lines[1:] == ["├─   n0", "├─   n1", "├─   n2", "└─   and 47 more Score"]


def test_a_deep_graph_is_no_recursion() -> None:
    reads = {str(number): [str(number + 1)] for number in range(5000)} | {"5000": []}
    assert len(list(tree(graph(reads)))) == 5001
    assert places_of(graph(reads))["0"].layer == 5000


def test_each_task_stands_below_all_that_it_reads() -> None:
    found = graph({"d": ["b", "a"], "b": ["a"], "a": [], "c": []})
    places = places_of(found)
    assert all(places[name].layer > places[each].layer for name, names in found.reads.items() for each in names)
    assert len(set(places.values())) == 4


def test_classes_that_read_each_other_are_drawn() -> None:
    found = graph({"a1": ["b1"], "b1": ["a2"], "a2": []}, {"a1": "A", "a2": "A", "b1": "B"}).by_class()
    assert set(places_of(found)) == {"A", "B"}


def test_a_circle_has_its_place_between_what_it_reads_and_what_reads_it() -> None:
    found = places_of(graph({"last": ["b"], "b": ["a"], "a": ["b", "first"], "first": [], "self": ["self"]}))
    assert [found[name].layer for name in ("first", "a", "b", "last", "self")] == [0, 1, 2, 3, 0]
