"""A report says what the record says, needs nothing else, and holds no parameter as markup."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import zlib
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, LocalStorage, MemoryStorage, Task, open_record
from alexflow.errors import DefinitionError, RunFailed
from alexflow.progress.text import duration, size
from alexflow.report import write_report
from alexflow.report.writing import report_page
from alexflow.timeline.task_columns import read_run
from tests.kit.effort import examples
from tests.timeline.recorded_runs import RUN, WrittenRun


class Page(HTMLParser):
    """The elements of a page: their names, the texts of tables by section and of tiles, and the blocks of data."""

    def __init__(self, text: str):
        super().__init__()
        self.names: set[str] = set()
        self.blocks: dict[str, str] = {}
        self.rows: dict[str, list[list[str]]] = {}
        self.tiles: list[tuple[str, str]] = re.findall(r'<div class="tile"><b>(.*?)</b><span>(.*?)</span>', text)
        self._section = self._block = ""
        self._cell: list[str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        given = dict(attrs)
        if tag == "section":
            self._section = given["id"] or ""
        if tag == "script":
            self._block = given.get("id") or ""
        if tag == "tr":
            self.rows.setdefault(self._section, []).append([])
        if tag in ("td", "th"):
            self._cell = []

    def handle_data(self, data: str) -> None:
        if self._block:
            self.blocks[self._block] = data
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._block = ""
        if tag in ("td", "th") and self._cell is not None:
            self.rows[self._section][-1].append("".join(self._cell))
            self._cell = None


def inflated(text: str) -> bytes:
    return zlib.decompress(base64.b64decode(text), -15)


def unpacked(page: Page) -> tuple[dict[str, Any], list[tuple[int, int, int, int]]]:
    """The header, and start, duration, class and state of each attempt: another reader of the packed columns."""
    header, raw = json.loads(page.blocks["timeline-header"]), inflated(page.blocks["timeline-data"])
    count = header["count"]
    columns = {name: [0] * count for name in ("gap", "took", "cls", "state")}
    for at, (name, byte) in enumerate(header["planes"]):
        for index, value in enumerate(raw[at * count : (at + 1) * count]):
            columns[name][index] += value << (8 * byte)
    cursor, at = [], 0
    for each in header["counts"]:
        cursor.append(at)
        at += each
    attempts, index = [], 0
    for _, tasks in header["lanes"]:
        end = 0
        for _ in range(tasks):
            gap, cls = columns["gap"][index], columns["cls"][index]
            took = columns["took"][cursor[cls]]
            cursor[cls] += 1
            start = end + (gap >> 1 if gap % 2 == 0 else -(gap >> 1) - 1)
            end = start + took
            attempts.append((start, took, cls, columns["state"][index]))
            index += 1
    return header, attempts


@pytest.mark.parametrize("seed", range(examples(4)))
def test_the_file_holds_every_attempt_exactly(seed: int) -> None:
    storage = MemoryStorage()
    WrittenRun(600, 5, seed=seed, failing=0.05).write(storage)
    columns, (header, attempts) = read_run(storage, RUN), unpacked(Page(report_page(storage, RUN)))
    assert header["tick"] == 1e-6
    assert sorted(attempts) == sorted(
        (columns.start[at], columns.end[at] - columns.start[at], columns.cls[at], columns.state[at])
        for at in range(len(columns))
    )


def quantile(seconds: list[float], share: float) -> float:
    """The least duration that this share of them does not exceed."""
    return next(each for each in sorted(seconds) if sum(other <= each for other in seconds) >= share * len(seconds))


@pytest.mark.parametrize("seed", range(examples(4)))
@pytest.mark.parametrize("tasks", [100, 800])
def test_every_figure_of_the_tables_is_that_of_the_record(tasks: int, seed: int) -> None:
    storage = MemoryStorage()
    WrittenRun(tasks, 5, seed=seed, failing=0.05).write(storage)
    page, record = Page(report_page(storage, RUN)), open_record(storage)
    entries, attempts = list(record.entries()), record.run(RUN).attempts
    expected = []
    for cls in {each.cls for each in entries}:
        of_class = [each for each in entries if each.cls == cls]
        states = [each.is_last for each in attempts if each.task_id.startswith(f"{cls}.")]
        seconds = [each.seconds or 0 for each in of_class]
        times = [quantile(seconds, 0.5), quantile(seconds, 0.95), max(seconds), sum(seconds)]
        counts = [f"{count:,}" for count in (len(of_class), states.count(True), states.count(False))]
        cpu = duration(sum(each.cpu_seconds or 0 for each in of_class))
        sizes = [size(max(each.peak_rss_bytes or 0 for each in of_class)), size(sum(each.bytes for each in of_class))]
        expected.append([cls.rpartition(".")[2], *counts, *map(duration, times), cpu, *sizes])
    assert sorted(page.rows["classes"][1:]) == sorted(expected)
    number = lambda text: int(text.replace(",", ""))  # noqa: E731
    assert sum(number(row[3]) for row in page.rows["workers"][1:]) == len(entries) + len(attempts)
    (reasons,) = page.rows["reasons"][1:]
    assert number(reasons[1]) == len(entries)
    failed = sum(each.is_last for each in attempts)
    tiles = {what.partition(";")[0]: figure for figure, what in page.tiles}
    assert tiles["tasks ran"] == f"{len(entries):,}"
    assert tiles["failed"] == f"{failed:,}"
    assert tiles["attempts retried"] == f"{len(attempts) - failed:,}"
    assert tiles["bytes stored"] == size(sum(each.bytes for each in entries))


def test_what_is_described_is_where_it_says() -> None:
    storage = MemoryStorage()
    WrittenRun(300, 3, seed=5, failing=0.05).write(storage)
    page = Page(report_page(storage, RUN))
    columns, details = read_run(storage, RUN), json.loads(inflated(page.blocks["details-data"]))
    assert len(details["lane"]) == len(columns)
    for at, fields in enumerate(details["fields"]):
        found = re.search(r"n=(\d+), text=<b>&amp;", fields)
        assert found is not None
        number = int(found[1])
        assert details["id"][at] == (number.to_bytes(4, "big") * 5).hex()[:8]


def test_the_still_picture_and_the_script_come_with_it(tmp_path: Path) -> None:
    storage = MemoryStorage()
    WrittenRun(50, 3).write(storage)
    write_report(storage, None, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    assert "http" not in re.sub(r"http-equiv", "", text).replace("http://www.w3.org", ""), "it refers to the network"
    assert "data:image/png;base64," in text
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@dataclass(frozen=True)
class Evil(Task):
    text: str
    fails: bool

    def output(self) -> JSONOutput[str]:
        return self.build_output(JSONOutput[str], key="x.json")

    async def run(self, input: None, output: JSONOutput[str]) -> None:
        if self.fails:
            raise ValueError(EVIL)
        await output.astore("x")


def test_no_parameter_becomes_markup(tmp_path: Path) -> None:
    tasks = [Evil(EVIL, fails) for fails in (False, True)]
    with pytest.raises(RunFailed):
        alexflow.run(tasks, storage=LocalStorage(tmp_path / "st"), progress=False, html=tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    page = Page(text)
    assert "<img src=x" not in text
    assert text.count("<script") == 4, "three blocks of data and the page's own script"
    assert EVIL in "".join(json.loads(inflated(page.blocks["details-data"]))["fields"])


def test_nothing_is_left_of_a_report_that_cannot_be_written(tmp_path: Path) -> None:
    for name in ("st", "taken"):
        (tmp_path / name).mkdir()
    storage = LocalStorage(tmp_path / "st")
    WrittenRun(20, 2).write(storage)
    with pytest.raises(IsADirectoryError):
        write_report(storage, None, tmp_path / "taken")
    assert {each.name for each in tmp_path.iterdir()} == {"st", "taken"}


def test_a_run_with_nothing_to_do_has_a_page(tmp_path: Path) -> None:
    alexflow.run(Evil("x", False), storage=tmp_path / "st", progress=False)
    alexflow.run(Evil("x", False), storage=tmp_path / "st", progress=False, html=tmp_path / "report.html")
    assert "Nothing ran" in (tmp_path / "report.html").read_text()


def test_arun_writes_one_too(tmp_path: Path) -> None:
    asyncio.run(alexflow.arun(Evil("x", False), storage=tmp_path / "st", html=tmp_path / "report.html"))
    assert "1 attempt" in (tmp_path / "report.html").read_text()


REFUSED = [
    (7, True, "path of a file"),
    ("no/such/r.html", True, "no directory"),
    ("r.html", False, "record=False"),
    (".", True, "is a directory; name a file"),
    ("", True, "is a directory; name a file"),
]


@pytest.mark.parametrize(("html", "record", "message"), REFUSED)
def test_a_report_that_cannot_be_written_is_refused_before_the_run(
    tmp_path: Path, html: Any, record: bool, message: str
) -> None:
    with pytest.raises(DefinitionError, match=message):
        alexflow.run(Evil("x", False), storage=tmp_path / "st", html=html, record=record)
    assert not list(tmp_path.rglob("*.json"))
