"""Messages to the viewers of a run: a snapshot when one comes, then what has changed, the same bytes for all."""

from __future__ import annotations

import base64
import time
import zlib
from array import array
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, json

from alexflow.progress.text import duration, size
from alexflow.report.packing import lane_labels, pack
from alexflow.timeline.engine_liveness import engine_is_gone
from alexflow.timeline.lanes import planes_of
from alexflow.timeline.place_rows import PlaceRow, place_rows
from alexflow.timeline.run_fold import RunFold
from alexflow.timeline.run_view import class_rows, headline

#: Rows of the tables of a page.
ROWS_SENT = 100

#: After so long a browser whose stream broke off comes again.
RETRY_MILLISECONDS = 1000

#: An attempt that is new: its lane, start, duration, class and state.
NewAttempt = tuple[int, int, int, int, int]

_WIDTHS = (2, 8, 8, 2, 1)
_KINDS = "HQQHB"


class RunUnderWay(Struct):
    """The part of a run that is not over, as its engine sees it.

    Attributes:
        remaining: tasks that have not ended, by class.
        running: those of them that run, by class.
        attempts: rows of what runs: the task, where, for how long; the longest first.
        waiting: rows of classes with tasks that do not run: the class, what the first of these waits for, how many.
    """

    remaining: dict[str, int]
    running: dict[str, int]
    attempts: list[list[str]]
    waiting: list[list[str]]


def event(kind: str, number: int, data: Any) -> bytes:
    """Return a server-sent event."""
    head = f"event: {kind}\nid: {number}\nretry: {RETRY_MILLISECONDS}\ndata: ".encode()
    return head + json.encode(data) + b"\n\n"


def snapshot(run: RunFold) -> dict[str, Any]:
    """Return everything that a page of a run begins with."""
    packed = pack(run.timeline, level=1)
    numbers = [lane.number for lane in run.timeline.ordered_lanes()]
    header = packed.header | {"numbers": numbers}
    return {"header": header, "data": base64.b64encode(packed.data).decode()}


def changes(run: RunFold, attempts: Sequence[NewAttempt], under_way: RunUnderWay | None) -> dict[str, Any]:
    """Return what has changed: attempts that ended, and tables, which are small and sent whole.

    Args:
        run: the run.
        attempts: those that ended since the last message.
        under_way: what its engine says, if that is asked.
    """
    if run.ended is not None:
        under_way = None
    columns = zip(*attempts, strict=True) if attempts else ()
    planes = [
        plane
        for kind, width, column in zip(_KINDS, _WIDTHS, columns, strict=False)
        for plane in planes_of(array(kind, [max(0, each) for each in column]).tobytes(), width)
    ]
    compressor = zlib.compressobj(1, zlib.DEFLATED, -15)
    data = compressor.compress(b"".join(planes)) + compressor.flush()
    rows, left_out = tables(run, under_way)
    return {
        "count": len(attempts),
        "data": base64.b64encode(data).decode() if attempts else "",
        "classes": [each.name for each in run.timeline.classes],
        "lanes": [label for label, _ in lane_labels(run.timeline)],
        "numbers": [lane.number for lane in run.timeline.ordered_lanes()],
        "headline": headline_of(run, under_way),
        "outcome": run.outcome,
        "tables": rows,
        "left_out": left_out,
    }


def headline_of(run: RunFold, under_way: RunUnderWay | None = None) -> str:
    """Return the state of a run in one line, without its id, which the page's title has."""
    several = None if under_way is None else sum(under_way.running.values())
    line = headline(run, time.time(), gone=engine_is_gone(run), under_way=several)
    return line.removeprefix(f"{run.begun.id}: ")


def tables(run: RunFold, under_way: RunUnderWay | None) -> tuple[dict[str, list[list[str]]], dict[str, str]]:
    """Return the rows of a page's tables: texts, of which the page makes nothing but texts; and what they leave out."""
    is_gone, places = engine_is_gone(run), place_rows(run)
    known = (None, None) if under_way is None else (under_way.running, under_way.remaining)
    classes = class_rows(run, *known)
    rows = [
        [
            row.name,
            f"{row.done:,}",
            f"{row.under_way:,}",
            "" if row.to_do is None else f"{row.to_do:,}",
            f"{row.failed:,}",
            f"{row.retries:,}",
            duration(row.median) if row.done else "",
            duration(row.p95) if row.done else "",
            "" if row.left is None or is_gone else f"about {duration(row.left)}",
        ]
        for row in classes[:ROWS_SENT]
    ]
    several = {
        "classes": len(classes),
        "running": sum(row.under_way for row in classes),
        "waiting": 0 if under_way is None else len(under_way.waiting),
        "failures": run.failed_attempts,
        "workers": len(places),
    }
    left_out = {
        name: f"{each - ROWS_SENT:,} more are left out" if each > ROWS_SENT else "" for name, each in several.items()
    }
    shown = {
        "classes": rows,
        "running": _recorded_as_running(run) if under_way is None else under_way.attempts,
        "waiting": [] if under_way is None else under_way.waiting[:ROWS_SENT],
        "failures": _failures(run),
        "workers": _workers(run, places),
    }
    return shown, left_out


def short(task_id: str) -> str:
    """Return a task's class and the beginning of its digest, which commands and this page take."""
    name, _, digest = task_id.rpartition(".")
    return f"{name.rpartition('.')[2]}.{digest[:8]}"


def _recorded_as_running(run: RunFold) -> list[list[str]]:
    where = "its engine was killed" if engine_is_gone(run) else "it runs, or is about to"  # the record says no more
    return [[short(task_id), where, ""] for task_id in run.under_way()[:ROWS_SENT]]


def _failures(run: RunFold) -> list[list[str]]:
    return [
        [
            short(line.task_id),
            "given up" if line.is_last else "tried again",
            str(line.attempt),
            line.error,
            "\n".join(filter(None, (line.traceback.rstrip(), line.tail[0].rstrip(), line.tail[1].rstrip())))[-8_000:],
        ]
        for line in list(run.failures)[::-1][:ROWS_SENT]
    ]


def _workers(run: RunFold, places: list[PlaceRow]) -> list[list[str]]:
    whole = run.timeline.end - min([row.begun for row in places if row.tasks], default=0)  # as in a report
    latest = sorted(range(len(places)), key=lambda at: -places[at].end)[:ROWS_SENT]
    return [
        [
            row.name,
            f"{row.tasks:,}",
            row.busy_text(whole),
            duration(row.cpu / 1e6) if row.cpu else "",
            size(row.rss) if row.rss else "",
            duration(row.end / 1e6),
        ]
        for row in map(places.__getitem__, sorted(latest))  # rows that change places with each task cannot be read
    ]
