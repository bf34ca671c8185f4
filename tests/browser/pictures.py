"""The pictures of the documentation, taken anew: python -m tests.browser.pictures

Those of a report are of examples/sweep.py; the live page and cards are those of the tasks below.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from playwright.async_api import Browser, Page, async_playwright

import alexflow.web
from alexflow import Engine, JSONOutput, LocalStorage, Output, Retry, Task, current
from alexflow.report import write_report
from benchmarks.seeing.server import Served

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs" / "figures"

#: Tasks that are done when the picture of the live page is taken.
DONE = 70


@dataclass(frozen=True)
class Load(Task):
    part: int

    def output(self) -> JSONOutput[int]:
        return self.build_output(JSONOutput[int], key="part.json")

    def run(self, input: None, output: JSONOutput[int]) -> None:
        time.sleep(random.Random(self.part).uniform(0.3, 0.8))
        output.store(self.part)


@dataclass(frozen=True)
class Train(Task):
    part: Output[int]
    depth: int
    seed: int
    tags: ClassVar = ("gpu",)
    retry: ClassVar = Retry(2)

    def input(self) -> Output[int]:
        return self.part

    def output(self) -> JSONOutput[float]:
        return self.build_output(JSONOutput[float], key="model.json")

    def run(self, input: Output[int], output: JSONOutput[float]) -> None:
        chance = random.Random(self.depth * 100 + self.seed)
        time.sleep(chance.uniform(0.2, 0.7))
        if current.attempt == 1 and chance.random() < 0.12:
            raise ConnectionError("the server closed the connection")
        output.store(0.78 + 0.03 * self.depth + chance.uniform(-0.03, 0.03))


@dataclass(frozen=True)
class Score(Task):
    model: Output[float]
    depth: int
    seed: int

    def input(self) -> Output[float]:
        return self.model

    def output(self) -> JSONOutput[float]:
        return self.build_output(JSONOutput[float], key="score.json")

    async def run(self, input: Output[float], output: JSONOutput[float]) -> None:
        accuracy = await input.aload()
        chance = random.Random(self.depth * 100 + self.seed)
        await asyncio.sleep(chance.uniform(0.4, 1.2))
        current.card(f"<b>{accuracy:.1%}</b> of 1,797 digits", name="accuracy")
        current.card(_curve(accuracy, chance), name="loss")
        await output.astore(accuracy)


def _curve(accuracy: float, chance: random.Random) -> str:
    """A line that falls to what is missing, as SVG."""
    heights = [(1 - accuracy + math.exp(-at / 6) * chance.uniform(0.6, 0.75)) * 210 for at in range(40)]
    points = " ".join(f"{8 * at + 4},{232 - height:.1f}" for at, height in enumerate(heights))
    line = f'<polyline points="{points}" fill="none" stroke="#3556c9" stroke-width="2.5"/>'
    ground = '<path d="M4 4V232H320" fill="none" stroke="#8b949e"/>'
    return f'<svg viewBox="0 0 324 236" xmlns="http://www.w3.org/2000/svg">{ground}{line}</svg>'


def scores(count: int) -> list[Score]:
    """The last tasks of a workflow: as many, of some depths."""
    made = []
    for number in range(count):
        depth, seed = 2 + number % 4, number // 4
        made.append(Score(Train(Load(number // 4).output(), depth, seed).output(), depth, seed))
    return made


async def pictures_of_reports(browser: Browser, storage: Path) -> None:
    """Run the example, and take its report: light, dark, and on a telephone."""
    shutil.copy(ROOT / "examples" / "sweep.py", storage.parent)
    command = ["python", "sweep.py", "--storage", storage.name]  # as a reader would type it: it is in the picture
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path}
    await asyncio.to_thread(subprocess.run, command, cwd=storage.parent, env=env, check=True, capture_output=True)
    file = storage / "report.html"
    await asyncio.to_thread(write_report, LocalStorage(storage), None, file)
    for name, theme, width, height in (
        ("report", "light", 1180, 1060),
        ("report-dark", "dark", 1180, 1060),
        ("report-narrow", "light", 400, 1000),
    ):
        page = await opened(browser, file.as_uri(), theme, width, height)
        await page.screenshot(path=FIGURES / f"{name}.png")


async def pictures_of_a_live_run(browser: Browser, storage: Path) -> None:
    """Run the tasks above, and take the live page meanwhile, and cards at the end."""
    async with Engine(storage, workers=4, limits={"gpu": 2}) as engine:
        served = Served(alexflow.web.app(engine))
        running = asyncio.create_task(engine.run(scores(80)))
        page = await browser.new_page(viewport={"width": 1180, "height": 1300})
        while engine.stats().computed < 1:
            await page.wait_for_timeout(100)
        await page.goto(f"http://localhost:{served.port}/")
        await page.click("main table a")
        await page.wait_for_selector("html[data-ready=yes]", state="attached")
        while engine.stats().computed < DONE:
            await page.wait_for_timeout(100)
        await page.wait_for_timeout(1_000)  # for its next message
        await page.screenshot(path=FIGURES / "live.png")
        await running
        await page.close()
        await served.end()
    file = storage / "report.html"
    await asyncio.to_thread(write_report, LocalStorage(storage), None, file)
    page = await opened(browser, file.as_uri(), "light", 1180, 900)
    await page.click("#cards summary")
    await page.evaluate("document.getElementById('cards').scrollIntoView()")
    await page.wait_for_timeout(1_000)  # frames are loaded as they come into sight
    await page.screenshot(path=FIGURES / "cards.png")


async def opened(browser: Browser, url: str, theme: Any, width: int, height: int) -> Page:
    """Return a page that is drawn."""
    page = await browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
    await page.goto(url)
    await page.wait_for_selector("html[data-ready=yes]", state="attached")
    return page


async def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as directory:
        async with async_playwright() as playwright:
            arguments = ["--no-sandbox", "--disable-gpu"]
            browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
            await pictures_of_reports(browser, Path(directory) / "results")
            await pictures_of_a_live_run(browser, Path(directory) / "live")
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
