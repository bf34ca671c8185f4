"""The live page in a browser: of a run that goes on, fails, and is killed, and of a server that comes back."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import quote

import pytest

import alexflow.web
from alexflow import LocalStorage, open_record
from alexflow.report import write_report
from alexflow.timeline.storage_lines import run_heads
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


EVIL = "<img src=x onerror=alert(1)>"

#: A class of an evil name, that prints the same, and fails.
EVIL_CLASS = """
import sys
from dataclasses import dataclass
import alexflow
from alexflow import JSONOutput, Task

EVIL = "<img src=x onerror=alert(1)>"

class Prints(Task):
    def output(self):
        return self.build_output(JSONOutput[int], key="x.json")
    def run(self, input, output):
        print("printed", EVIL)
        print("complained", EVIL, file=sys.stderr)
        raise ValueError("no")

Prints.__name__ = Prints.__qualname__ = EVIL
alexflow.run(dataclass(frozen=True)(Prints)(), storage=sys.argv[1], workers=1, progress=False, on_error="continue")
"""


def test_prints_and_names_of_classes_are_texts(tab: Tab, tmp_path: Path) -> None:
    script, storage = tmp_path / "script.py", LocalStorage(tmp_path / "st")
    script.write_text(EVIL_CLASS)
    subprocess.run([sys.executable, script, str(tmp_path / "st")], check=False, capture_output=True)
    write_report(storage, None, tmp_path / "report.html")
    with served(alexflow.web.app(storage)) as port:
        tab.page.goto(f"http://localhost:{port}/")
        assert tab.page.locator("img").count() == 0
        run_page(tab, port)
        tab.page.locator("#failures summary").first.click()
        failures = tab.page.inner_text("#failures")
        assert f"printed {EVIL}" in failures
        assert f"complained {EVIL}" in failures
        assert EVIL in tab.page.inner_text("#classes")
        assert EVIL in tab.page.inner_text("#legend")
        assert tab.page.locator("img").count() == 0
        tab.page.locator("#failures a").first.click()
        tab.page.wait_for_selector("#attempt-1")
        assert f"printed {EVIL}" in tab.page.inner_text("main")
        assert tab.page.locator("img").count() == 0
        tab.page.goto(f"http://localhost:{port}/search?q={quote(EVIL)}")
        assert tab.page.locator("img").count() == 0
    tab.open((tmp_path / "report.html").as_uri())
    assert EVIL in tab.page.inner_text("#classes")
    assert f"printed {EVIL}" in tab.page.text_content("main")  # folded
    assert tab.page.locator("img").count() == 0
    assert tab.problems == []


#: Keeps what the page says of the run, each time that it changes.
WATCH = """() => {
  const headline = document.getElementById("headline"), seen = window.seen = [headline.textContent];
  const keep = () => seen.push(headline.textContent);
  new MutationObserver(keep).observe(headline, {childList: true, characterData: true, subtree: true});
}"""


@pytest.mark.timeout(600)  # it trains 320 models, on however busy a machine
def test_the_example_is_watched_while_it_runs(tab: Tab, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("threadpoolctl")
    storage = LocalStorage(tmp_path / "st")
    example = Path(__file__).parents[2] / "examples" / "sweep.py"
    sweep = subprocess.Popen(
        [sys.executable, example, "--storage", str(tmp_path / "st")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with served(alexflow.web.app(storage)) as port:
            while not run_heads(storage):
                assert sweep.poll() is None
                time.sleep(0.01)
            sweep.send_signal(signal.SIGSTOP)  # so that it is not over before the page is there
            run_page(tab, port)
            assert "goes on" in tab.page.inner_text("#headline")
            tab.page.evaluate(WATCH)
            sweep.send_signal(signal.SIGCONT)
            sweep.wait()  # however long that takes on a busy machine; the browser waits for its last message only
            tab.page.wait_for_selector("html[data-outcome=done]", state="attached")
            seen = [each.partition(" done, ")[0] for each in tab.page.evaluate("seen")]
            done = [int(each.rpartition(" ")[2].replace(",", "")) for each in seen]
            assert done == sorted(done)
            assert len({*done}) > 2, "it moved while tasks ran"
            record = open_record(storage)
            (run,) = record.runs()
            assert done[-1] == run.ran == len(list(record.entries()))
            assert tab.page.evaluate("window.timeline.total") == run.ran
            rows = [each.inner_text().split("\t") for each in tab.page.locator("#classes tbody tr").all()]
            counted = Counter(entry.cls.rpartition(".")[2] for entry in record.entries())
            assert {row[0]: int(row[1]) for row in rows} == counted
            assert tab.problems == []
    finally:
        sweep.kill()
        sweep.wait()
