"""Cards are beside the outputs of their task: there when it is done, in reports, and gone with the outputs."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import Engine, JSONOutput, LocalStorage, RunFailed, Storage, Task, current, open_record
from alexflow.cards.card import html_of_figure
from alexflow.cards.kept import cards_of_run, cards_of_task, remove_cards
from alexflow.cards.pending import pending
from alexflow.errors import DefinitionError, NotInTask
from alexflow.report import write_report
from alexflow.retention import Limits, remove, select, stored_tasks
from tests.cards.tasks import FailsOnce, Figure, Generates, InAThread, InAWorker, OneCard, OnTheLoop, Picture, Quiet

pytestmark = pytest.mark.anyio

KINDS = [OnTheLoop, InAThread, Generates, pytest.param(InAWorker, marks=pytest.mark.processes)]


@pytest.mark.parametrize("kind", KINDS)
async def test_they_are_kept_wherever_a_task_runs(kind: Any, place: Storage) -> None:
    async with Engine(place, workers=1) as engine:
        result = await engine.run([kind(n) for n in range(3)])
        storage = engine.storage
    for n in range(3):
        text, markdown, figure, twice = cards_of_task(storage, kind(n).task_id, result.run_id)
        assert (text.name, text.kind, text.content) == ("text", "html", f"<b>task {n}</b>")
        assert (markdown.kind, markdown.content.splitlines()[0]) == ("markdown", f"# Task {n}")
        assert figure.content.startswith("<svg")
        assert twice.content == "<i>second</i>"
    assert {task_id for task_id, _ in cards_of_run(storage, result.run_id)} == {kind(n).task_id for n in range(3)}
    assert not pending


async def test_those_of_an_attempt_that_failed_are_dropped(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        result = await engine.run(FailsOnce(1))
        with pytest.raises(RunFailed):
            await engine.run(FailsOnce(0))
        storage = engine.storage
    assert [card.name for card in cards_of_task(storage, FailsOnce(1).task_id, result.run_id)] == ["attempt 2"]
    assert len(list((tmp_path / ".alexflow" / "attachments").glob("*.cards"))) == 1
    assert not pending


async def test_those_of_another_run_of_the_task_are_not_shown(tmp_path: Path) -> None:
    async with Engine(tmp_path) as engine:
        first = await engine.run(Quiet(1))
        second = await engine.run(Quiet(1), force=True)
        task_id, storage = Quiet(1).task_id, engine.storage
    assert len(cards_of_task(storage, task_id, first.run_id)) == 1
    assert cards_of_task(storage, task_id, second.run_id) == []
    remove_cards(storage, [task_id])
    assert cards_of_task(storage, task_id, first.run_id) == []


def test_they_go_with_the_outputs(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    run = alexflow.run([OnTheLoop(n) for n in range(5)], storage=storage, progress=False)
    stored = stored_tasks(open_record(storage))
    selection = select(stored, Limits(max_bytes=0), [OnTheLoop(3).output().key])
    asyncio.run(remove(storage, selection))
    kept = set(storage.list())
    left = {task_id for task_id, _ in cards_of_run(storage, run.run_id)}
    assert left == {OnTheLoop(n).task_id for n in range(5) if OnTheLoop(n).output().key in kept}
    assert len(left) < 5


def test_a_part_of_a_storage_has_its_own(tmp_path: Path) -> None:
    from alexflow.storage import PrefixStorage

    whole = LocalStorage(tmp_path)
    part = PrefixStorage(whole, "part")
    run = alexflow.run(OnTheLoop(1), storage=part, progress=False)
    assert len(cards_of_task(part, OnTheLoop(1).task_id, run.run_id)) == 4
    assert cards_of_task(whole, OnTheLoop(1).task_id, run.run_id) == []
    assert list(cards_of_run(whole, run.run_id)) == []


@pytest.mark.parametrize("kind", ["local", "memory", "part"])
def test_they_are_copied_with_the_outputs(tmp_path: Path, kind: str) -> None:
    from alexflow.storage import PrefixStorage, copy

    source, local = LocalStorage(tmp_path / "source"), LocalStorage(tmp_path / "target")
    target: Storage = {"local": local, "memory": alexflow.MemoryStorage(), "part": PrefixStorage(local, "a/b")}[kind]
    run = alexflow.run([OnTheLoop(n) for n in range(3)], storage=source, progress=False)
    copied = OnTheLoop(1)
    assert copy(source, target, [copied.output().key]).copied == 1
    cards = cards_of_task(source, copied.task_id, run.run_id)
    assert cards_of_task(target, copied.task_id, run.run_id) == cards
    assert len(cards) == 4
    assert list(cards_of_run(target, run.run_id)) == [(copied.task_id, cards)]
    assert copy(source, target).copied == 2
    assert len(list(cards_of_run(target, run.run_id))) == 3


def test_those_of_a_base_are_seen_through_an_overlay_and_outlive_what_is_removed_above(tmp_path: Path) -> None:
    from alexflow.storage import OverlayStorage

    base, upper = LocalStorage(tmp_path / "base"), LocalStorage(tmp_path / "upper")
    first = alexflow.run(OnTheLoop(1), storage=base, progress=False)
    over = OverlayStorage(base, upper)
    second = alexflow.run([OnTheLoop(1), OnTheLoop(2)], storage=over, progress=False)
    assert len(cards_of_task(over, OnTheLoop(1).task_id, first.run_id)) == 4
    assert [task_id for task_id, _ in cards_of_run(over, second.run_id)] == [OnTheLoop(2).task_id]
    remove_cards(over, [OnTheLoop(1).task_id, OnTheLoop(2).task_id])
    assert len(cards_of_task(over, OnTheLoop(1).task_id, first.run_id)) == 4
    assert list(cards_of_run(over, second.run_id)) == []


def test_verify_says_nothing_of_them(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path)
    alexflow.run([OnTheLoop(n) for n in range(3)], storage=storage, progress=False)
    found = storage.verify()
    assert (found.ok, found.good) == (True, 3)
    assert len(list(storage.list())) == 3


def test_a_report_has_them_and_what_is_too_much_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alexflow.run([OnTheLoop(n) for n in range(20)], storage=tmp_path / "st", progress=False)
    file = tmp_path / "report.html"
    write_report(LocalStorage(tmp_path / "st"), None, file)
    page = file.read_text()
    assert page.count("<iframe") == 80
    assert page.count('sandbox=""') == 80
    assert "<b>task" not in page
    assert "&lt;b&gt;task 7&lt;/b&gt;" in page
    monkeypatch.setattr("alexflow.report.cards.MOST_CARD_BYTES", 10_000)
    write_report(LocalStorage(tmp_path / "st"), None, file)
    page = file.read_text()
    shown = page.count("<iframe") // 4
    assert 0 < shown < 20
    assert f"The cards of {20 - shown} more tasks are left out here" in page


def test_those_of_a_report_are_in_the_order_of_parameters(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    alexflow.run([OneCard(n) for n in (10, 2, 100, 1)], storage=tmp_path / "st", progress=False, html=file)
    assert re.findall(r"<h3>OneCard <code>\w{8}</code> n=(\d+)</h3>", file.read_text()) == ["1", "2", "10", "100"]


def calls() -> dict[str, Any]:
    return {
        "nothing was given": dict,
        "html and markdown was given": lambda: {"html": "a", "markdown": "b"},
        r"current.card\(html=…\) is a text, not 3": lambda: {"html": 3},
        r"current.card\(name=…\) is a text, not ''": lambda: {"html": "a", "name": ""},
        "the card 'card' has 1,048,577 bytes, of at most 1,048,576": lambda: {"html": "a" * (1 << 20) + "b"},
        r"takes what has _repr_svg_\(\).*not <object": lambda: {"figure": object()},
        "cannot be encoded as UTF-8": lambda: {"html": "\udc80"},
    }


@pytest.mark.parametrize("message", list(calls()))
def test_what_is_no_card_is_refused(message: str, tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Wrong(Task):
        def output(self) -> JSONOutput[int]:
            return self.build_output(JSONOutput[int], key="n.json")

        async def run(self, input: None, output: JSONOutput[int]) -> None:
            with pytest.raises(DefinitionError, match=message):
                current.card(**calls()[message]())
            await output.astore(1)

    alexflow.run(Wrong(), storage=tmp_path, progress=False)


def test_a_task_has_sixteen_at_most(tmp_path: Path) -> None:
    class Many(OnTheLoop):
        async def run(self, input: Any, output: Any) -> None:
            for n in range(16):
                current.card("a", name=f"card {n}")
            current.card("b", name="card 3")
            current.card("c", name="card 16")

    with pytest.raises(RunFailed) as failed:
        alexflow.run(Many(1), storage=tmp_path, progress=False)
    assert "a task has 16 cards at most" in str(failed.value.exceptions[0])
    assert not pending


def test_outside_of_a_task_there_is_none() -> None:
    with pytest.raises(NotInTask):
        current.card("a")


def test_figures_become_html() -> None:
    assert html_of_figure(Figure()).startswith("<svg")
    assert html_of_figure(Picture()) == '<img alt="" src="data:image/png;base64,iVBORw==">'


def test_figures_of_matplotlib_do_too() -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure as MatplotlibFigure

    figure = MatplotlibFigure()
    figure.add_subplot().plot([1, 2, 3])
    assert html_of_figure(figure).startswith('<img alt="" src="data:image/png;base64,iVBOR')


def test_savefig_is_called_as_matplotlib_has_it() -> None:
    class Saves:
        def savefig(self, file: BytesIO, *, format: str, bbox_inches: str) -> None:
            file.write(b"\x89PNG")

    assert "iVBORw==" in html_of_figure(Saves())


def test_a_disk_that_is_full_costs_the_cards_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from alexflow.storage.local.spaces import LocalSpace

    def refuse(self: Any, name: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalSpace, "write", refuse)
    result = alexflow.run(OnTheLoop(1), storage=tmp_path, progress=False, record=False)
    assert result.output.load() == 1
    assert "could not be written: OSError(28, 'No space left on device')" in caplog.text
