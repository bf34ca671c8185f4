"""The pages by keyboard and by ear: names of what is focused, headers of tables, contrast, and a focus that stays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import alexflow.web
from alexflow import LocalStorage
from alexflow.report import write_report
from tests.browser.tab import Tab
from tests.browser.test_live_page_in_browser import run_page
from tests.timeline.recorded_runs import WrittenRun
from tests.web.served import served

#: Texts that are seen, with less contrast than WCAG's AA asks for: 4.5, or 3 where they are large.
PALE = """() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const over = (color, below) => {
    context.fillStyle = below; context.fillRect(0, 0, 1, 1); context.fillStyle = color; context.fillRect(0, 0, 1, 1);
    const [r, g, b] = context.getImageData(0, 0, 1, 1).data; return `rgb(${r},${g},${b})`;
  };
  const light = (color) => {
    const part = (v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
    const [r, g, b] = color.match(/\\d+/g).map(Number); return .2126 * part(r) + .7152 * part(g) + .0722 * part(b);
  };
  const ground = (node) => {
    const above = [];
    for (let at = node; at; at = at.parentElement) above.unshift(getComputedStyle(at).backgroundColor);
    return above.reduce((below, color) => over(color, below), "rgb(255,255,255)");
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const text = [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
    if (!text || !node.checkVisibility() || node.closest("svg, script, noscript")) continue;
    const style = getComputedStyle(node), below = ground(node); let seen = 1;
    for (let at = node; at; at = at.parentElement) seen *= +getComputedStyle(at).opacity;
    const [x, y] = [light(over(style.color, below)), light(below)];
    const ratio = (Math.max(x, y) + .05) / (Math.min(x, y) + .05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && +style.fontWeight >= 700);
    if (ratio * seen < (large ? 3 : 4.5)) found.push([text.slice(0, 40), ratio * seen]);
  }
  return found;
}"""

#: Where the Tab key has come to: its role or element, whether it has a name, whether its outline is seen.
STOPS = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  if (at === document.body) return null;
  const name = at.getAttribute("aria-label") || at.textContent.trim() || at.title;
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  return [at.getAttribute("role") || at.localName, !!name, outlined];
}"""

HEADLESS = "[...document.querySelectorAll('table')].filter((t) => !t.querySelector('thead th[scope=col]')).length"


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> LocalStorage:
    place = tmp_path_factory.mktemp("everybody")
    storage = LocalStorage(place)
    WrittenRun(200, 3, failing=0.03, seed=1).write(storage)
    write_report(storage, None, place / "report.html")
    return storage


@pytest.fixture(params=["report", "live", "runs"])
def opened(request: pytest.FixtureRequest, tab: Tab, storage: LocalStorage) -> Iterator[Tab]:
    with served(alexflow.web.app(storage)) as port:
        if request.param == "report":
            tab.open((Path(storage.base_path) / "report.html").as_uri())
        elif request.param == "live":
            run_page(tab, port)
        else:
            tab.page.goto(f"http://localhost:{port}/")
        yield tab


def stops(tab: Tab) -> list[Any]:
    found = []
    for _ in range(60):
        tab.page.keyboard.press("Tab")
        stop = tab.page.evaluate(STOPS)
        if stop is None:
            break
        found.append(stop)
    return found


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_have_contrast(opened: Tab, theme: str) -> None:
    opened.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    legend = opened.page.locator("#legend button")
    if legend.count():
        legend.first.click()  # the others are not shown then, but can be read
    assert opened.page.evaluate(PALE) == []


def test_what_the_keyboard_comes_to_has_a_name_and_is_seen(opened: Tab) -> None:
    found = stops(opened)
    assert len(found) > 2
    assert [each for each in found if not (each[1] and each[2])] == []


def test_tables_have_headers_and_a_page_one_title(opened: Tab) -> None:
    assert opened.page.evaluate(HEADLESS) == 0
    assert opened.page.locator("h1").count() == opened.page.locator("main").count() == 1
    assert opened.page.get_attribute("html", "lang") == "en"


#: Fails often enough that a message follows another, while it waits for lines.
FAILING = """
import sys
from dataclasses import dataclass
import alexflow
from alexflow import Engine, JSONOutput, Task

@dataclass(frozen=True)
class Fails(Task):
    n: int
    def output(self):
        return self.build_output(JSONOutput[int], key="x.json")
    async def run(self, input, output):
        import asyncio
        for _ in range(self.n):
            print("waits", flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        raise ValueError("no")

alexflow.run([Fails(n) for n in range(2)], storage=sys.argv[1], progress=False, on_error="continue")
"""


def test_the_focus_stays_where_it_is_while_the_page_moves(tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(FAILING)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "st")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        with served(alexflow.web.app(LocalStorage(tmp_path / "st"))) as port:
            run_page(tab, port)
            tab.page.wait_for_selector("#failures tbody tr")
            assert tab.page.get_attribute("#headline", "aria-live") == "off", "it is not read out twice a second"
            tab.page.focus("#failures summary")
            tab.page.keyboard.press("Enter")
            process.communicate("\n")
            tab.page.wait_for_selector("html[data-outcome=failed]", state="attached")
            assert tab.page.locator("#failures tbody tr").count() == 2
            assert tab.page.evaluate("document.activeElement.localName") == "summary"
            assert tab.page.locator("#failures details[open]").count() == 1
            assert tab.page.get_attribute("#headline", "aria-live") == "polite"
            assert tab.problems == []
