"""The picture of the graph by class: nothing is written over a class."""

from __future__ import annotations

from xml.etree import ElementTree

from alexflow.report.graph_picture import class_graph
from alexflow.timeline.critical_path import ClassEdge

#: A chain of four classes, in which the first is read by all.
EDGES = [ClassEdge(*edge) for edge in ((0, 1, 1, 500), (1, 2, 9, 50), (2, 3, 9, 5), (0, 2, 9, 4), (0, 3, 9, 3))]


def test_the_words_of_an_edge_that_passes_a_layer_stand_on_no_class() -> None:
    svg = ElementTree.fromstring(str(class_graph(["Data", "Folds", "Fit", "Score"], [1, 1, 9, 9], EDGES)))
    boxes = [{name: float(each.get(name, 0)) for name in ("x", "y", "width", "height")} for each in svg.iter("rect")]
    words = [each for each in svg.iter("text") if each.get("class") == "on-edge"]
    assert [each.text for each in words][:2] == ["1 read", "500 B"]
    assert len(words) == 2 * len(EDGES)
    for word in words:
        x, y = float(word.get("x", 0)), float(word.get("y", 0))
        for box in boxes:
            inside = box["x"] < x < box["x"] + box["width"] and box["y"] < y < box["y"] + box["height"]
            assert not inside, word.text
    assert len({(word.get("x"), word.get("y")) for word in words}) == len(words)
