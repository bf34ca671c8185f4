"""The pages around what is live: shells that a script fills, and what the record says of runs and tasks."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from alexflow.cards.card import Card
from alexflow.progress.text import duration, size
from alexflow.record import Entry, Explanation
from alexflow.record.entry import absence
from alexflow.record.fields import source_digests
from alexflow.record.leaves import leaves
from alexflow.record.lines import AttemptLine, RunBegunLine
from alexflow.record.run_record import shell_line
from alexflow.report.cards import card_frames, cards_section
from alexflow.report.markup import Markup, MarkupPart, element, joined, section, table
from alexflow.timeline.engine_liveness import engine_is_gone, state_of
from alexflow.timeline.run_fold import RunFold
from alexflow.web.messages import headline_of, short

#: Runs and search results in one page.
MOST_ROWS_SHOWN = 200


def page(base: str, title: str, *content: MarkupPart, scripts: Iterable[str] = ()) -> str:
    """Return a whole page.

    Args:
        base: the path below which the page is mounted, without a slash at its end.
        title: of the page.
        content: of its body.
        scripts: names of its scripts.
    """
    search = element(
        "form",
        element(
            "input", name="q", type="search", placeholder="Train, depth=5, or the start of an id", aria_label="Search"
        ),
        element("button", "Search", type="submit"),
        action=f"{base}/search",
        method="get",
        class_="tools",
    )
    bar = element("nav", element("a", "alexflow", href=f"{base}/"), search, class_="bar")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} · alexflow"),
        element("link", rel="stylesheet", href=f"{base}/assets/page.css"),
        element("link", rel="icon", href="data:,"),
        *[element("script", src=f"{base}/assets/{name}", defer=True) for name in scripts],
    )
    body = element("body", element("main", bar, *content), data_base=base)
    return joined([Markup("<!doctype html>"), element("html", head, body, lang="en")])


def link(base: str, kind: str, name: str, text: str | None = None) -> Markup:
    """Return a link to a run or a task."""
    from urllib.parse import quote  # deferred: one call

    return element("a", name if text is None else text, href=f"{base}/{kind}/{quote(name, safe='')}")


def runs_page(base: str, runs: Sequence[RunFold], inner: int) -> str:
    """Return the list of runs, the newest first; ``inner`` are those that tasks of these have asked for."""
    rows = [_run_row(base, run) for run in runs[:MOST_ROWS_SHOWN]]
    rest = len(runs) - len(rows)
    left_out = [f"the last {len(rows)}; {rest:,} more are left out"] if rest > 0 else []
    left_out += [f"without {inner:,} that their tasks asked for"] if inner else []
    caption = ", ".join(left_out).capitalize()
    columns = ["run", "outcome", "started (UTC)", "command", "ran", "failed", "took"]
    what: MarkupPart = (
        table(columns, rows, left=4, caption=caption) if rows else element("p", "No run has been recorded yet.")
    )
    return page(base, "Runs", element("h1", "Runs"), what)


def _run_row(base: str, run: RunFold) -> list[MarkupPart]:
    moment = datetime.fromtimestamp(run.started, UTC).strftime("%Y-%m-%d %H:%M:%S")
    outcome = state_of(run)
    kind = "bad" if engine_is_gone(run) else {"done": "good", "failed": "bad", "error": "bad"}.get(run.outcome)
    ran, failed = (sum(getattr(cost, name) for cost in run.costs.values()) for name in ("done", "failed"))
    command = shlex.join(run.begun.about.get("command", ()))
    return [
        element("span", link(base, "runs", run.begun.id), class_="whole"),
        element("span", outcome, class_=kind),
        element("time", moment),
        element("code", command if len(command) <= 80 else f"{command[:79]}…", class_="command"),
        f"{ran:,}",
        f"{failed:,}",
        duration(run.seconds),
    ]


_TABLES = {
    "classes": (
        "Progress",
        ["class", "done", "under way", "left", "failed", "retried", "median", "95 %", "time left"],
        1,
    ),
    "running": ("Under way", ["task", "where", "for"], 2),
    "waiting": ("Waiting", ["class", "the first waits for", "tasks"], 2),
    "failures": ("Failures", ["task", "then", "attempt", "error"], 4),
    "workers": ("Workers", ["worker", "attempts", "busy", "CPU", "peak RSS", "last end"], 1),
}


def run_page(base: str, run: RunFold) -> str:
    """Return the page of a run, whose script fills it."""
    canvas = element(
        "canvas",
        id="timeline-canvas",
        tabindex="0",
        role="img",
        aria_label="Timeline of tasks by lane; the tables below hold the figures",
    )
    parts = [
        element("h1", f"Run {run.begun.id}"),
        element("p", headline_of(run), id="headline", role="status", aria_live="off"),  # its end is read out
        element("p", "", id="connection", class_="faint", role="status"),
        element(
            "p",
            element("a", "The whole report", href=f"{base}/runs/{run.begun.id}/report"),
            ": critical path, graph, all figures; ",
            element("a", "the cards", href=f"{base}/runs/{run.begun.id}/cards"),
            " of its tasks",
        ),
        section(
            "Timeline",
            element("div", canvas, class_="timeline"),
            element("ul", class_="legend", id="legend"),
            element(
                "p",
                "Drag to move; the wheel after a click, or + and -, zoom; 0 shows all and follows.",
                class_="status",
                id="status",
                role="status",
            ),
            id="timeline",
        ),
        *[
            section(title, table(columns, [], left=left), element("p", "", class_="faint more"), id=name)
            for name, (title, columns, left) in _TABLES.items()
        ],
        element("div", class_="tip", id="tip", role="tooltip", hidden=True),
        element("noscript", element("p", "Without scripts this page stands still; the report is a page without them.")),
    ]
    return page(base, run.begun.id, *parts, scripts=("timeline.js", "live.js"))


def task_page(
    base: str, entry: Entry, explanation: Explanation | None, present: set[str], cards: Sequence[Card], again: str
) -> str:
    """Return the page of a task: what made it, what it read and stored, why it ran, how to run it again.

    Args:
        base: as for :func:`page`.
        entry: the task.
        explanation: why it ran, if that is known.
        present: keys of its outputs that are there.
        cards: those that it has made.
        again: the line for a shell that makes it again; empty if it is not known.
    """
    facts = element(
        "dl",
        *[part for name, value in _facts(base, entry) for part in (element("dt", name), element("dd", value))],
        class_="facts",
    )
    fields = table(["parameter", "value"], [[path, value] for path, value in leaves(entry.fields)], left=2)
    read: list[list[MarkupPart]] = [["a source", digest] for digest in source_digests(entry.fields)]
    read += [[link(base, "tasks", each.key), each.digest or ""] for each in entry.inputs]
    inputs = table(["reads", "digest"], read, left=2)
    outputs = [
        [
            element("code", each.key),
            "" if each.bytes is None else size(each.bytes),
            "there" if each.key in present else absence(entry),
        ]
        for each in entry.outputs
    ]
    why = "" if explanation is None else str(explanation)
    return page(
        base,
        short(entry.task_id),
        element("h1", short(entry.task_id)),
        facts,
        section("Cards", card_frames(cards), id="cards") if cards else None,
        section("Parameters", fields, id="parameters"),
        section("Inputs", inputs if read else element("p", "It reads no output of another task."), id="inputs"),
        section("Outputs", table(["output", "bytes", "state"], outputs, left=1), id="outputs"),
        section("Why it ran", element("pre", why), id="why") if why else None,
        section("Run it again", element("pre", again), id="again") if again else None,
    )


def failed_task_page(base: str, run: RunBegunLine, attempts: Sequence[AttemptLine], parameters: str) -> str:
    """Return the page of a task that failed: its parameters, each attempt's error, and what it printed last."""
    last = attempts[-1]
    state = "given up" if last.is_last else "tried again"
    facts = element(
        "dl",
        *[element("dt", "task"), element("dd", element("code", last.task_id))],
        *[element("dt", "run"), element("dd", link(base, "runs", run.id))],
        *[element("dt", "parameters"), element("dd", parameters or "none but outputs of other tasks")],
        *[
            element("dt", "state"),
            element("dd", element("span", f"{state} after attempt {last.attempt}", class_="bad")),
        ],
        class_="facts",
    )
    parts: list[MarkupPart] = []
    for line in attempts:
        texts = [line.traceback or line.error, *(text for text in line.tail if text.strip())]
        took = f", after {duration(line.took / 1e6)}" if line.took else ""
        pres = [element("pre", text.rstrip()) for text in texts]
        parts.append(section(f"Attempt {line.attempt}{took}", *pres, id=f"attempt-{line.attempt}"))
    return page(base, short(last.task_id), element("h1", short(last.task_id)), facts, *parts, _run_again(run))


def _run_again(run: RunBegunLine) -> Markup | None:
    """Return the command of a run. The record cannot make a task that has never succeeded; its program can."""
    line = shell_line(run.about.get("command", ()), run.about.get("directory", ""))
    if not line:
        return None
    what = element("p", "The run's command makes only what is not there yet, this task included.", class_="faint")
    return section("Run it again", element("pre", line), what, id="again")


def _facts(base: str, entry: Entry) -> Iterator[tuple[str, MarkupPart]]:
    yield "task", element("code", entry.task_id)
    yield "class", entry.cls
    if entry.run_id:
        yield "run", link(base, "runs", entry.run_id)
    if entry.started is not None and entry.seconds is not None:
        yield "ran", f"{entry.started:%Y-%m-%d %H:%M:%S} UTC for {duration(entry.seconds)}, attempt {entry.attempts}"
        yield "where", f"{entry.host}, {entry.executor} {entry.worker or ''}, Python {entry.python}"
    else:
        yield "ran", "it has begun, and is not recorded as done"
    if entry.cpu_seconds is not None:
        yield "processor time", duration(entry.cpu_seconds)
    if entry.peak_rss_bytes:
        yield "worker's peak memory", size(entry.peak_rss_bytes)


def cards_page(base: str, run_id: str, tasks: Iterable[tuple[str, Sequence[Card]]], fields: Mapping[bytes, str]) -> str:
    """Return the cards of the tasks of a run, with their parameters by digest."""
    there = cards_section(tasks, fields) or element("p", "No task of this run has made a card.")
    title = element("h1", "Run ", link(base, "runs", run_id))
    return page(base, f"Cards of {run_id}", title, there)


def search_page(base: str, words: str, found: Sequence[Entry], problem: str) -> str:
    """Return what a search has found."""
    rows = [
        [
            link(base, "tasks", entry.task_id, short(entry.task_id)),
            ", ".join(f"{path}={value}" for path, value in leaves(entry.fields))[:200],
            "" if entry.finished is None else element("time", f"{entry.finished:%Y-%m-%d %H:%M:%S}"),
            "" if entry.seconds is None else duration(entry.seconds),
        ]
        for entry in found
    ]
    what: MarkupPart = (
        table(["task", "parameters", "made (UTC)", "took"], rows, left=3)
        if rows
        else element("p", f"{problem[:1].upper()}{problem[1:]}" or "Nothing was found.")
    )
    return page(base, words, element("h1", f"Search: {words}"), what)


def message_page(base: str, title: str, text: str) -> str:
    """Return a page with one text, such as of an error."""
    return page(base, title, element("h1", title), element("p", text))
