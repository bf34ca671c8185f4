"""Notebooks show alexflow's objects as compact HTML: escaped, small, and whatever users' objects do."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage, Task
from alexflow.errors import RunFailed
from alexflow.failures import FailureReport

BIGGEST = 25_000  # characters


@dataclass(frozen=True)
class Train(Task):
    name: str
    value: Any = field(default=None, compare=False)
    token: str | None = field(default=None, metadata={"secret": True})

    def output(self):
        return self.build_output(JSONOutput, key="name.json")

    def run(self, input, output):
        if self.name.startswith("fails"):
            raise ValueError("<b>" + "x" * 100_000)
        output.store(self.name)


@dataclass(frozen=True)
class Holds(Task):
    value: Any


class Raises:
    def __init__(self, error: type[BaseException]):
        self.error = error

    def __canonical__(self, pending):
        return ["raises", self.error.__name__]

    def __repr__(self):
        raise self.error


class Parsed(HTMLParser):
    """The tags and the text of a page, which has to be well-formed."""

    def __init__(self, html: str):
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == [], html

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def text_of(value: Any) -> str:
    html = value._repr_html_()
    assert len(html) < BIGGEST
    html.encode()
    return Parsed(html).text


def test_a_task():
    text = text_of(Train("<script>alert(1)</script>", token="s3cr3t"))
    assert "Train" in text
    assert "<script>alert(1)</script>" in text
    assert "s3cr3t" not in text
    assert Train("a").task_id in text_of(Train("a"))


def test_an_output():
    text = text_of(Train("a").output().assign_storage(MemoryStorage()))
    assert Train("a").output().key in text
    assert "JSONOutput" in text
    assert "MemoryStorage" in text


@pytest.mark.parametrize("error", [ValueError, SystemExit, GeneratorExit, RecursionError])
def test_whatever_a_repr_raises(error):
    assert "Holds" in text_of(Holds(Raises(error)))
    assert "Holds" in text_of(Holds([Raises(error)]))


def test_a_task_without_an_identity_is_shown_too():
    assert "Holds" in text_of(Holds(object()))


@pytest.mark.parametrize(
    "value", ["x" * 10**7, list(range(10**6)), "\ud800", "a\0b", {"&": "<"}], ids=lambda v: str(type(v))
)
def test_large_and_odd_values(value):
    assert "Holds" in text_of(Holds(value))


def test_a_result():
    names = [f"name {number}" for number in range(100)]
    result = alexflow.run([Train(name) for name in names], storage=MemoryStorage(), executor="thread", progress=False)
    text = text_of(result)
    assert "100 ran, 0 cached" in text
    assert "…" in text


def test_a_result_and_a_report_with_failures():
    result = alexflow.run(
        [Train("fails"), Train("a")],
        storage=MemoryStorage(),
        executor="thread",
        on_error="continue",
        progress=False,
    )
    assert "1 failed" in text_of(result)
    assert "ValueError: <b>xxx" in text_of(result.report)
    assert text_of(FailureReport()) == "no task failed"
    with pytest.raises(RunFailed) as failed:
        alexflow.run(Train("fails"), storage=MemoryStorage(), executor="thread", progress=False)
    assert "1 task failed" in text_of(failed.value.report)


def test_texts_are_compact_too(tmp_path):
    """A notebook keeps them beside the HTML."""
    tasks = [Train(f"fails {number}", "x" * 100_000) for number in range(100)] + [Train("a")]
    result = alexflow.run(tasks, storage=tmp_path, executor="thread", on_error="continue", progress=False)
    assert repr(result.report) == "<FailureReport: 100 tasks failed>"
    (first, *_) = result.report.failures
    assert repr(first).startswith(f"<FailedTask {first.task_id}: ValueError: <b>xxx")
    record = alexflow.open_record(tmp_path)
    (run,) = record.runs()
    for value in (
        result,
        result.report.failures[:20],
        alexflow.plan(tasks, storage=tmp_path),
        [*record.entries()],
        run,
    ):
        assert len(repr(value)) < BIGGEST
    assert len(repr(record.explain(Train("a").task_id))) < BIGGEST


def test_a_plan_and_what_a_record_gives(tmp_path):
    text = text_of(alexflow.plan([Train("a"), Train("b")], storage=tmp_path))
    assert "2 tasks to run" in text
    result = alexflow.run(Train("a"), storage=tmp_path, executor="thread", progress=False)
    record = alexflow.open_record(tmp_path)
    entry = record.entry(result.output.key)
    for part in ("Train", entry.key, "'a'"):
        assert part in text_of(entry)
    assert "no task of its class had run" in text_of(record.explain(entry.key))
    (run,) = record.runs()
    assert run.id in text_of(run)
