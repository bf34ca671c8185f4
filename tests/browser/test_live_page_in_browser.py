"""The live page in a browser: of a run that goes on, fails, and is killed, and of a server that comes back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import alexflow.web
from alexflow import LocalStorage
from tests.browser.tab import Tab
from tests.web.served import served

#: Prints when each task begins, and goes on when a line comes.
PROGRAM = """
import asyncio, sys
from dataclasses import dataclass
import alexflow
from alexflow import JSONOutput, Task

EVIL = "<img src=x onerror=alert(1)>"

@dataclass(frozen=True)
class Step(Task):
    n: int
    text: str = EVIL
    def output(self):
        return self.build_output(JSONOutput[int], key="x.json")
    async def run(self, input, output):
        await output.astore(self.n)
        if self.n:
            print("began", flush=True)
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
            raise ValueError(EVIL)

alexflow.run([Step(0), Step(1)], storage=sys.argv[1], progress=False, on_error="continue")
"""


@pytest.fixture
def program(tmp_path: Path) -> subprocess.Popen[str]:
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    command = [sys.executable, script, str(tmp_path / "st")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "began\n"
    return process


def run_page(tab: Tab, port: int) -> None:
    tab.page.goto(f"http://localhost:{port}/")
    address = tab.page.locator("main table a").first.get_attribute("href")
    tab.open(f"http://localhost:{port}{address}")


def test_a_run_goes_on_and_fails(tab: Tab, tmp_path: Path, program: subprocess.Popen[str]) -> None:
    with served(alexflow.web.app(LocalStorage(tmp_path / "st"))) as port:
        run_page(tab, port)
        assert "goes on" in tab.page.inner_text("#headline")
        tab.page.wait_for_selector("#running tbody tr")
        program.communicate("\n")
        tab.page.wait_for_selector("html[data-outcome=failed]", state="attached")
        assert "onerror=alert" in tab.page.inner_text("#failures")
        assert tab.page.evaluate("window.timeline.total") == 2
        assert tab.page.locator("img").count() == 0
        assert tab.problems == []
        tab.page.locator("#failures a").first.click()
        tab.page.wait_for_selector("h1")
        assert "text=<img src=x onerror=alert(1)>" in tab.page.inner_text("main")
        assert tab.page.locator("img").count() == 0


def test_an_engine_is_killed(tab: Tab, tmp_path: Path, program: subprocess.Popen[str]) -> None:
    with served(alexflow.web.app(LocalStorage(tmp_path / "st"))) as port:
        run_page(tab, port)
        program.kill()
        program.communicate()
        tab.page.wait_for_selector("#headline:has-text('was killed')")
        assert tab.problems == []


def test_the_server_comes_back(tab: Tab, tmp_path: Path, program: subprocess.Popen[str]) -> None:
    with served(alexflow.web.app(LocalStorage(tmp_path / "st"))) as port:
        run_page(tab, port)
    tab.page.wait_for_selector("#connection:has-text('is lost')")
    program.communicate("\n")
    with served(alexflow.web.app(LocalStorage(tmp_path / "st")), port):
        tab.page.wait_for_selector("html[data-outcome=failed]", state="attached")
        assert tab.page.inner_text("#connection") == ""
        assert tab.page.evaluate("window.timeline.total") == 2
