"""A report in a browser: it holds every attempt, is moved by keys, and runs nothing that it was given."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from alexflow import LocalStorage
from alexflow.report import write_report
from alexflow.timeline.task_columns import TaskColumns, read_run
from tests.browser.tab import Tab
from tests.timeline.recorded_runs import RUN, WrittenRun
from tests.timeline.test_report import EVIL

SUMS = """() => {
  const t = window.timeline, sums = [0, 0, 0];
  for (const lane of t.lanes) for (let i = 0; i < lane.n; i++) {
    sums[0] += lane.start[i]; sums[1] += lane.took[i]; sums[2] += lane.state[i];
  }
  return sums;
}"""

#: The tasks under each pixel of each row, added up by where they begin: all of them, each once.
COUNTS = """() => {
  const t = window.timeline; let n = 0;
  for (const lane of t.lanes) for (let x = 0; x < t.width; x++) {
    const unit = (t.to - t.from) / t.width, a = t.from + x * unit; n += lane.lower(a + unit) - lane.lower(a);
  }
  return n;
}"""


#: What is on the page at the moment it is printed: the timeline's ground and colours, and what is seen.
PRINTED = """() => matchMedia("print").addEventListener("change", (event) => {
  if (!event.matches) return;
  const canvas = document.getElementById("timeline-canvas");
  const seen = (name) => document.querySelector(name).checkVisibility();
  const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  window.printed = { ground: pixels[0] >>> 0, colours: new Set(pixels).size, tools: seen("#tools"),
    steps: seen("#path details table") };
})"""


@pytest.fixture
def report(tmp_path: Path) -> tuple[str, TaskColumns]:
    storage = LocalStorage(tmp_path)
    WrittenRun(3_000, 6, failing=0.01, seed=1).write(storage)
    write_report(storage, None, tmp_path / "report.html")
    return (tmp_path / "report.html").as_uri(), read_run(storage, RUN)


def test_the_page_holds_every_attempt(tab: Tab, report: tuple[str, TaskColumns]) -> None:
    url, columns = report
    tab.open(url)
    assert tab.page.evaluate("window.timeline.total") == len(columns)
    start, took, states = tab.page.evaluate(SUMS)
    assert start == sum(columns.start)
    assert took == sum(columns.end) - sum(columns.start)
    assert states == sum(columns.state)
    assert tab.page.evaluate(COUNTS) == len(columns)
    assert tab.problems == []
    assert tab.asked == [url], "it asks for nothing else"


def test_keys_lead_to_failures_and_along_the_path(tab: Tab, report: tuple[str, TaskColumns]) -> None:
    url, _ = report
    tab.open(url)
    tab.page.focus("#timeline-canvas")
    tab.page.keyboard.press("n")
    assert "failed" in tab.page.inner_text("#status")
    assert "text=<b>&amp;" in tab.page.inner_text("#status")
    tab.page.keyboard.press("p")
    assert "on the critical path: it waited for" in tab.page.inner_text("#status")
    before = tab.page.evaluate("[window.timeline.from, window.timeline.to]")
    tab.page.keyboard.press("ArrowRight")
    after = tab.page.evaluate("[window.timeline.from, window.timeline.to]")
    assert after[0] > before[0]
    assert math.isclose(after[1] - after[0], before[1] - before[0], rel_tol=1e-6)
    tab.page.keyboard.press("0")
    assert tab.page.evaluate("window.timeline.from") == 0


def test_the_pointer_says_what_is_below_it(tab: Tab, report: tuple[str, TaskColumns]) -> None:
    url, _ = report
    tab.open(url)
    box = tab.page.locator("#timeline-canvas").bounding_box()
    assert box is not None
    tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "Class" in tab.page.inner_text("#tip")


def test_a_class_is_shown_alone(tab: Tab, report: tuple[str, TaskColumns]) -> None:
    url, _ = report
    tab.open(url)
    first = tab.page.locator("#legend button").first
    first.click()
    pressed = [each.get_attribute("aria-pressed") for each in tab.page.locator("#legend button").all()]
    assert pressed.count("true") == 1
    first.click()
    assert tab.page.locator("#legend button[aria-pressed=false]").count() == 0


def test_nothing_of_a_parameter_runs(tab: Tab, tmp_path: Path) -> None:
    import alexflow
    from alexflow.errors import RunFailed
    from tests.timeline.test_report import Evil

    file = tmp_path / "report.html"
    with pytest.raises(RunFailed):
        alexflow.run([Evil(EVIL, each) for each in (False, True)], storage=tmp_path / "st", progress=False, html=file)
    tab.open(file.as_uri())
    tab.page.focus("#timeline-canvas")
    tab.page.keyboard.press("n")
    assert EVIL in tab.page.inner_text("#status")
    assert tab.page.locator("img").count() == 0
    assert tab.problems == []


def test_it_fits_a_narrow_screen(tab: Tab, report: tuple[str, TaskColumns]) -> None:
    url, _ = report
    tab.page.set_viewport_size({"width": 400, "height": 800})
    tab.open(url)
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 400
    assert tab.problems == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_printed_with_its_timeline_and_all_tables(tab: Tab, report: tuple[str, TaskColumns], theme: str) -> None:
    url, _ = report
    tab.page.emulate_media(color_scheme=theme)
    tab.open(url)
    tab.page.evaluate(PRINTED)
    tab.page.pdf()
    printed = tab.page.evaluate("window.printed")
    assert printed["ground"] == 0xFFFFFFFF, "paper is light"
    assert printed["colours"] > 20
    assert (printed["tools"], printed["steps"]) == (False, True)
    assert tab.problems == []


def test_it_reads_without_scripts(chromium: Any, report: tuple[str, TaskColumns]) -> None:
    url, _ = report
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url)
    assert page.locator("#still").is_visible()
    assert page.locator("#classes tbody tr").count() == 6
    assert not page.locator("#timeline-canvas").is_visible()
    assert not page.locator("#tools").is_visible(), "its buttons would do nothing"
    context.close()
