"""``write_report``: one run as one HTML file that needs nothing else: no network, no server, no code of users."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from importlib.resources import files
from pathlib import Path

import msgspec

from alexflow.cards.kept import cards_of_run
from alexflow.progress.text import counted
from alexflow.report import sections
from alexflow.report.cards import cards_section, digest_of
from alexflow.report.details import described, details_of, field_texts
from alexflow.report.facts import RunFacts
from alexflow.report.markup import Markup, element, joined
from alexflow.report.packing import TICKS, PackedTimeline, pack
from alexflow.storage import Storage
from alexflow.timeline.storage_lines import find_run
from alexflow.timeline.task_columns import read_run

#: Bytes of a report, at most: above, times are rounded, and fewer tasks are described one by one.
MOST_BYTES = 4_950_000

#: Fewer tasks that are described, where all that a report describes takes too much.
_FEWER = (20_000, 5_000, 1_000, 0)


def write_report(storage: Storage, run: str | None, file: str | os.PathLike[str]) -> str:
    """Write a report of a run.

    It blocks, and takes about 15 s and 400 MB for 1,000,000 tasks.

    Args:
        storage: the storage that has the run's record.
        run: its id, or how that begins; by default the last one.
        file: the HTML file to write.

    Returns:
        The run's whole id.

    Raises:
        NotRecorded: there is no such run.
        AmbiguousKey: the beginning fits several.
    """
    run_id = find_run(storage, run)
    _write(file, report_page(storage, run_id))
    return run_id


def write_nothing_ran(file: str | os.PathLike[str]) -> None:
    """Write the report of a run that found everything there, of which no record is kept."""
    body = element("main", element("h1", "Nothing ran"), element("p", "All outputs that were asked for were there."))
    _write(file, document("Nothing ran", [body]))


def _write(file: str | os.PathLike[str], page: str) -> None:
    target = Path(file)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        partial.write_text(page, encoding="utf-8")
        os.replace(partial, target)  # a browser that reloads sees the one or the other
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def report_page(storage: Storage, run_id: str) -> str:
    """Return a report of a run, by its whole id, as HTML."""
    columns = read_run(storage, run_id)
    assert columns.run is not None
    facts = RunFacts(columns, columns.run)
    cards = list(cards_of_run(storage, run_id))
    shown = [*(line.task_id for line in facts.run.failures), *(task_id for task_id, _ in cards)]
    fields = field_texts(storage, run_id, set(map(digest_of, shown)))
    rest = sections.all_sections(facts, fields)
    if (of_tasks := cards_section(cards, fields)) is not None:
        to_them = element(
            "p", element("a", counted(len(cards), "task"), href="#cards"), " made cards, shown at the end."
        )
        rest = [to_them, *rest, of_tasks]
    room = MOST_BYTES - sum(len(part.encode()) for part in rest) - 200_000  # style, scripts, heading, still picture
    chosen, details = _fitting_details(storage, facts, room // 4)
    packed, tick = _fitting_timeline(facts, room - len(details))
    body = [
        element(
            "main", sections.heading(facts), sections.dearest(facts), sections.timeline(facts, chosen, tick), *rest
        ),
        element("div", class_="tip", id="tip", role="tooltip", hidden=True),
        _data(
            "timeline-header", "application/json", msgspec.json.encode(packed.header).decode().replace("<", "\\u003c")
        ),
        _data("timeline-data", "application/octet-stream", base64.b64encode(packed.data).decode()),
        _data("details-data", "application/octet-stream", details),
    ]
    return document(f"Run {run_id}", body, "timeline.js", "page.js")


def _fitting_details(storage: Storage, facts: RunFacts, room: int) -> tuple[int, str]:
    """Return how many attempts are described, and the descriptions as a text that is not longer than there is room."""
    chosen, text = list[int](), ""
    for most in _FEWER:
        chosen = described(facts.columns, facts.path, most)
        plain = details_of(storage, facts.run, facts.columns, facts.path, chosen)
        text = base64.b64encode(_deflated(msgspec.json.encode(plain))).decode()
        if len(text) <= room:
            break
    return len(chosen), text


def _fitting_timeline(facts: RunFacts, room: int) -> tuple[PackedTimeline, int]:
    """Return the timeline at the finest tick at which it fits, and that, in microseconds."""
    tick, *coarser = TICKS
    packed = pack(facts.run.timeline, tick)
    while coarser and len(packed.data) * 4 / 3 > room:
        tick = coarser.pop(0)
        packed = pack(facts.run.timeline, tick)
    return packed, tick


def _deflated(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def _data(id: str, kind: str, text: str) -> Markup:
    """Return a block of data: not a script, and with nothing in it that could end it."""
    return Markup(f'<script type="{kind}" id="{id}">{text}</script>')


def asset(name: str) -> str:
    """Return a style sheet or a script of this package."""
    return files("alexflow.report").joinpath(name).read_text(encoding="utf-8")


def document(title: str, body: list[Markup], *scripts: str) -> str:
    """Return a whole page with the style sheet and scripts in it; nothing else may run on it, or be loaded."""
    code = "".join(map(asset, scripts))
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; script-src 'sha256-{digest}'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("title", f"{title} · alexflow"),
        Markup(f"<style>{asset('page.css')}</style>"),
    )
    page = element("html", head, element("body", *body, Markup(f"<script>{code}</script>")), lang="en")
    return joined([Markup("<!doctype html>"), page])
