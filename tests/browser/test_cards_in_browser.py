"""Cards in a browser: they are seen, and nothing in them runs, leaves its frame or is loaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import alexflow
import alexflow.web
from alexflow import LocalStorage
from alexflow.report import write_report
from tests.browser.tab import Tab
from tests.cards.tasks import Evil, OneCard, OnTheLoop
from tests.web.served import served

EVIL = (
    "</iframe><script>parent.document.title = 'evil'; document.title = 'evil'</script>"
    "<img src='URL/image' onerror=\"top.document.title='evil'\">"
    "<meta http-equiv='refresh' content='0; url=URL/refresh'>"
    "<form action='URL/form' id=f></form><svg onload=\"top.location='URL/top'\"></svg>"
    "<style>body { background: url(URL/style) } @import url(URL/import);</style>"
    "<link rel=stylesheet href='URL/link'><iframe src='URL/frame'></iframe><p id=seen>it is seen</p>"
)


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server, and the paths for which it is asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def check(tab: Tab, url: str, asked: list[str]) -> None:
    tab.page.goto(url)
    shown = tab.page.locator("iframe.card")
    assert shown.count() == 2
    for number in range(2):
        shown.nth(number).scroll_into_view_if_needed()
    inside = tab.page.frame_locator("iframe.card >> nth=0").locator("#seen")
    assert inside.inner_text() == "it is seen"
    tab.page.wait_for_timeout(200)  # for what would be loaded, or run
    assert "evil" not in tab.page.title()
    assert tab.page.url == url
    assert asked == []


def test_nothing_in_a_card_runs_in_a_report(tab: Tab, tmp_path: Path, listener: tuple[str, list[str]]) -> None:
    evil = EVIL.replace("URL", listener[0])
    alexflow.run(Evil(1, evil), storage=tmp_path / "st", progress=False)
    write_report(LocalStorage(tmp_path / "st"), None, tmp_path / "report.html")
    check(tab, (tmp_path / "report.html").as_uri(), listener[1])


def test_nothing_in_a_card_runs_on_the_live_page(tab: Tab, tmp_path: Path, listener: tuple[str, list[str]]) -> None:
    task = Evil(1, EVIL.replace("URL", listener[0]))
    run = alexflow.run(task, storage=tmp_path, progress=False)
    with served(alexflow.web.app(tmp_path)) as port:
        for path in (f"tasks/{task.task_id}", f"runs/{run.run_id}/cards"):
            check(tab, f"http://localhost:{port}/{path}", listener[1])


def test_cards_are_seen(tab: Tab, tmp_path: Path) -> None:
    alexflow.run(OnTheLoop(7), storage=tmp_path / "st", progress=False, html=tmp_path / "report.html")
    tab.open((tmp_path / "report.html").as_uri())
    names = tab.page.locator("figcaption").all_inner_texts()
    assert names == ["text", "markdown", "figure", "twice"]
    for number in range(4):
        tab.page.locator("iframe.card").nth(number).scroll_into_view_if_needed()
    assert tab.page.frame_locator("iframe.card >> nth=0").locator("b").inner_text() == "task 7"
    assert tab.page.frame_locator("iframe.card >> nth=2").locator("circle").count() == 1
    assert tab.problems == []


def heights(tab: Tab) -> tuple[float, float]:
    """Of the section of the cards, and where it begins."""
    box = tab.page.locator("#cards").bounding_box()
    assert box is not None
    return box["height"], box["y"]


def test_cards_stand_beside_each_other_after_all_else_with_the_parameters_of_their_tasks(
    tab: Tab, tmp_path: Path
) -> None:
    alexflow.run([OneCard(n) for n in range(6)], storage=tmp_path / "st", progress=False, html=tmp_path / "few.html")
    tab.open((tmp_path / "few.html").as_uri())
    assert tab.page.locator("#cards iframe").count() == 6
    assert [text.partition("n=")[2] for text in tab.page.locator("#cards h3").all_inner_texts()] == list("012345")
    places = [each.bounding_box() for each in tab.page.locator("#cards iframe").all()]
    assert len({place["y"] for place in places if place is not None}) == 2, "three in a row of 1,200 pixels"
    _, begins = heights(tab)
    failures = tab.page.locator("#classes").bounding_box()
    assert failures is not None
    assert begins > failures["y"], "what explains the run comes first"
    assert tab.page.locator("a[href='#cards']").inner_text() == "6 tasks"


def test_cards_of_a_few_words_take_a_few_lines_and_those_of_a_task_half_a_row(tab: Tab, tmp_path: Path) -> None:
    tasks = [Evil(n, "a few words") for n in range(12)]
    alexflow.run(tasks, storage=tmp_path / "st", progress=False, html=tmp_path / "brief.html")
    tab.open((tmp_path / "brief.html").as_uri())
    assert tab.page.locator("#cards iframe").count() == 24
    assert heights(tab)[0] < 12 * 150, "two tasks in a row of 1,200 pixels"


def test_many_cards_are_folded(tab: Tab, tmp_path: Path) -> None:
    alexflow.run([OneCard(n) for n in range(30)], storage=tmp_path / "st", progress=False, html=tmp_path / "many.html")
    tab.open((tmp_path / "many.html").as_uri())
    assert heights(tab)[0] < 150
    tab.page.click("#cards summary")
    assert tab.page.locator("#cards iframe").first.is_visible()
    assert tab.problems == []
