"""The sections of a report that are plain HTML: readable without JavaScript, on paper, and by a screen reader."""

from __future__ import annotations

import base64
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from alexflow.progress.text import counted, duration, size
from alexflow.record.lines import AttemptLine
from alexflow.report.facts import ClassFigures, RunFacts, seconds_text
from alexflow.report.markup import Markup, MarkupPart, element, joined, section, table
from alexflow.report.path_section import class_label, critical_path, graph
from alexflow.report.still import still_png
from alexflow.timeline.engine_liveness import engine_is_gone, state_of
from alexflow.timeline.place_rows import place_rows
from alexflow.timeline.run_fold import RunFold

#: Rows of the table of workers, and failures in full; the page says how many it leaves out.
MOST_WORKERS, MOST_TAILS = 64, 20

#: Buckets of the timeline as a table.
BUCKETS = 20


def heading(facts: RunFacts) -> Markup:
    """Return the first lines: the outcome, and the figures that most look for."""
    run = facts.run
    outcome, gone = state_of(run), engine_is_gone(run)
    good = "bad" if gone else {"done": "good", "failed": "bad", "error": "bad"}.get(run.outcome)
    ran = sum(cost.done for cost in run.costs.values())
    failed = sum(cost.failed for cost in run.costs.values())
    title = element(
        "h1", f"Run {run.begun.id}: ", element("span", outcome, class_=good), _until(run, gone), duration(run.seconds)
    )
    others = ("were there already", f"{run.ended.counts[1]:,}") if run.ended is not None else _not_ended(run, gone)
    tiles = [
        ("tasks ran", f"{ran:,}"),
        others,
        (_with_skipped(run), f"{failed:,}"),
        ("attempts retried", f"{sum(cost.retries for cost in run.costs.values()):,}"),
        ("workers busy", f"{facts.busy:.0%}") if facts.bounds.workers else ("where tasks ran", "event loop"),
        ("bytes stored", size(sum(cost.bytes for cost in run.costs.values()))),
    ]
    return joined([title, _about(run), element("div", *[_tile(*each) for each in tiles], class_="tiles")])


def _until(run: RunFold, gone: bool) -> str:
    return " in " if run.ended is not None else " after " if gone else "; recorded are "


def _not_ended(run: RunFold, gone: bool) -> tuple[str, str]:
    return "were under way" if gone else "under way", f"{len(run.under_way()):,}"


def _with_skipped(run: RunFold) -> str:
    skipped = 0 if run.ended is None else run.ended.counts[3]
    return f"failed; {skipped:,} skipped because of them" if skipped else "failed"


def _tile(what: str, figure: str) -> Markup:
    return element("div", element("b", figure), element("span", what), class_="tile")


def _about(run: RunFold) -> Markup:
    from datetime import UTC, datetime  # deferred: only pages need it

    moment = datetime.fromtimestamp(run.started, UTC).strftime("%Y-%m-%d %H:%M:%S")
    command = shlex.join(run.begun.about.get("command", ()))
    by = f" by {run.header.user}" if run.header.user else ""
    started = f"Started {moment} UTC{by} on {run.header.host}, process {run.header.pid}"
    return joined([element("p", started, class_="faint"), element("p", element("code", command)) if command else None])


def dearest(facts: RunFacts) -> Markup:
    """Return the three things that cost most."""
    whole = max(facts.run.timeline.end / 1e6, 1e-6)
    things = [
        element(
            "li",
            element("b", duration(thing.seconds)),
            element("span", f"{thing.seconds / whole:.0%} of the run", class_="share"),
            element("strong", thing.title),
            element("p", thing.advice),
        )
        for thing in facts.dearest()
    ]
    what = element("ol", *things, class_="dear") if things else element("p", "Nothing ran.")
    return section("What cost most", what, id="dearest")


def timeline(facts: RunFacts, described: int, tick: int) -> Markup:
    """Return the timeline's place, with a still picture and a table for readers without JavaScript."""
    run = facts.run
    png, rows = still_png(run.timeline)
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    height = max(60, min(560, rows * 14))
    still = element(
        "img",
        src=source,
        class_="still",
        id="still",
        alt="The timeline: a row for each lane",
        style=f"height:{height}px",
    )
    label = (
        "Timeline of tasks by lane. Arrow keys move, plus and minus zoom, n goes to the next failure, p along the path."
    )
    canvas = element("canvas", id="timeline-canvas", tabindex="0", role="img", aria_label=label, hidden=True)
    total = run.timeline.count
    exact = f"All {counted(total, 'attempt')} are drawn, none sampled, exact to {tick:,} µs."
    known = (
        "Each is described under the pointer."
        if described >= total
        else f"{described:,} are described one by one under the pointer: the longest, all that failed, and the "
        f"critical path; of the others the pointer counts exactly what it covers, and alexflow show says more of each."
    )
    tools = [
        element("button", text, element("kbd", key), type="button", data_act=act)
        for text, key, act in (
            ("Whole run", "0", "all"),
            ("Zoom in", "+", "in"),
            ("Zoom out", "-", "out"),
            ("Next failure", "n", "failure"),
            ("Critical path", "p", "path"),
        )
    ]
    return section(
        "Timeline",
        element("p", f"{exact} {known}", class_="faint"),
        element("div", *tools, class_="tools", id="tools", hidden=True),
        element("div", still, canvas, class_="timeline"),
        element("ul", class_="legend", id="legend"),
        element("p", class_="status", id="status", role="status"),
        element("details", element("summary", "The timeline as a table"), _activity(facts)),
        id="timeline",
    )


def _activity(facts: RunFacts) -> Markup:
    found = facts.run.timeline.activity(BUCKETS)
    order = sorted(range(len(found.busy)), key=lambda cls: -sum(found.busy[cls]))[:12]
    rows = [
        [seconds_text(at * found.width), *[f"{found.busy[cls][at] / found.width:.2f}" for cls in order]]
        for at in range(BUCKETS)
    ]
    names = [facts.short(cls) for cls in order]
    return table(["from", *names], rows, caption="Tasks of each class that ran at once, on average, from each time on")


def classes(facts: RunFacts) -> Markup:
    """Return the table of classes."""
    numbers = {each.name: cls for cls, each in enumerate(facts.run.timeline.classes)}
    rows = [_class_row(facts, each, numbers[each.name]) for each in facts.classes]
    columns = ["class", "ran", "failed", "retried", "median", "95 %", "longest", "total", "CPU", "peak RSS", "stored"]
    return section(
        "Classes", table(columns, rows, caption="Durations of the attempts that succeeded, exact"), id="classes"
    )


def _class_row(facts: RunFacts, each: ClassFigures, cls: int) -> list[MarkupPart]:
    cost = each.cost
    times = [duration(value) for value in (each.median, each.p95, each.longest, each.total)] if cost.done else ["-"] * 4
    cpu = duration(cost.cpu / 1e6) if cost.measured else "-"
    failed: MarkupPart = element("span", f"{cost.failed:,}", class_="bad") if cost.failed else "0"
    return [
        class_label(facts, cls),
        f"{cost.done:,}",
        failed,
        f"{cost.retries:,}",
        *times,
        cpu,
        size(cost.rss) if cost.rss else "-",
        size(cost.bytes),
    ]


def failures(facts: RunFacts, fields: Mapping[bytes, str]) -> Markup:
    """Return the attempts that failed, by task, with what they printed last."""
    run = facts.run
    by_task: dict[str, list[AttemptLine]] = {}
    for line in run.failures:
        by_task.setdefault(line.task_id, []).append(line)
    if not by_task:
        return section("Failures", element("p", "No attempt failed."), id="failures")
    kinds = Counter((_class_of(line), line.error, line.is_last) for line in run.failures)
    rows = [
        [name, element("span", error, class_="bad"), "given up" if last else "tried again", f"{count:,}"]
        for (name, error, last), count in kinds.most_common(20)
    ]
    kept = len(run.failures)
    more = f"; the last {kept:,} are kept here" if run.failed_attempts > kept else ""
    caption = f"{counted(run.failed_attempts, 'attempt')} failed{more}"
    parts: list[MarkupPart] = [table(["class", "error", "then", "attempts"], rows, left=3, caption=caption)]
    several = sorted(by_task.values(), key=lambda lines: not lines[-1].is_last)
    parts += [_failed_task(lines, fields) for lines in several[:MOST_TAILS]]
    if len(several) > MOST_TAILS:
        rest = [[_short_id(lines[-1]), lines[-1].error, f"{len(lines)}"] for lines in several[MOST_TAILS:]]
        summary = element("summary", f"{len(rest):,} more tasks with failed attempts")
        parts.append(element("details", summary, table(["task", "error", "failed attempts"], rest, left=2)))
    return section("Failures", *parts, id="failures")


def _class_of(line: AttemptLine) -> str:
    return line.task_id.rpartition(".")[0].rpartition(".")[2]


def _short_id(line: AttemptLine) -> str:
    return f"{_class_of(line)}.{line.task_id[-40:-32]}"


def _failed_task(lines: Sequence[AttemptLine], fields: Mapping[bytes, str]) -> Markup:
    last = lines[-1]
    end = "given up" if last.is_last else "tried again"
    error = element("span", last.error, class_="bad")
    title = element("summary", element("code", _short_id(last)), f" {end} after attempt {last.attempt}: ", error)
    given = fields.get(bytes.fromhex(last.task_id[-40:]), "")
    parts: list[MarkupPart] = [title, element("p", given, class_="faint") if given else None]
    for line in lines:
        if len(lines) > 1:
            parts.append(element("h3", f"Attempt {line.attempt}"))
        parts += _texts(line)
    parts.append(element("p", "How it is now: ", element("code", f"alexflow why {_short_id(last)}"), class_="faint"))
    return element("details", *parts)


def _texts(line: AttemptLine) -> Iterator[Markup]:
    printed = ("standard output, the end", line.tail[0]), ("standard error, the end", line.tail[1])
    for name, text in (("", line.traceback), *printed):
        if text.strip():
            if name:
                yield element("p", name, class_="faint")
            yield element("pre", text.rstrip())


def workers(facts: RunFacts) -> Markup:
    """Return the table of workers and event loops."""
    places = place_rows(facts.run)
    makespan = max(1, facts.bounds.makespan)
    order = sorted(places, key=lambda row: -row.busy)[:MOST_WORKERS]
    rows = [
        [
            row.name,
            element("div", element("i", "", style=f"width:{100 * min(1.0, row.busy / makespan):.1f}%"), class_="track"),
            row.busy_text(makespan),
            f"{row.tasks:,}",
            seconds_text(row.cpu) if row.cpu else "-",
            size(row.rss) if row.rss else "-",
            seconds_text(row.begun),
            seconds_text(row.end),
        ]
        for row in order
    ]
    rest = len(places) - len(order)
    caption = f"The {len(order)} busiest; {rest:,} more are left out" if rest > 0 else ""
    return section(
        "Workers",
        table(
            ["worker", "", "busy", "attempts", "CPU", "peak RSS", "first start", "last end"],
            rows,
            left=2,
            caption=caption,
        ),
        id="workers",
    )


_REASONS = {
    "missing": "their outputs were not there",
    "forced": "they were forced",
    "lost": "their outputs were gone",
    "damaged": "their outputs were damaged",
    "upstream": "something that they read was made again",
}


def reasons(facts: RunFacts) -> Markup:
    """Return why tasks ran, and what the run was asked for."""
    total: Counter[str] = Counter()
    for cost in facts.run.costs.values():
        total.update(cost.reasons)
    rows = [[_REASONS.get(reason, reason), f"{count:,}"] for reason, count in total.most_common()]
    about = element(
        "dl",
        *[part for name, value in _facts_of(facts.run) for part in (element("dt", name), element("dd", value))],
        class_="facts",
    )
    hint = element(
        "p",
        "Of one task: ",
        element("code", "alexflow explain KEY"),
        " names the field, the code or the source that differs.",
        class_="faint",
    )
    known = table(["tasks ran because", "tasks"], rows) if rows else element("p", "No task has ended well.")
    return section("Why things ran", known, hint, about, id="reasons")


def _facts_of(run: RunFold) -> Iterator[tuple[str, str]]:
    about = run.begun.about
    targets = run.begun.targets
    more = f", and {len(targets) - 5:,} more" if len(targets) > 5 else ""
    yield "asked for", ", ".join(targets[:5]) + more if targets else "unknown"
    yield "directory", str(about.get("directory", ""))
    for name, value in about.get("options", {}).items():
        yield f"option {name}", str(value)
    environment = run.sections[-1].environment if run.sections else None
    if environment is not None and environment.python:
        yield "Python", f"{environment.python}, alexflow {run.header.version}, {environment.platform}"
    if environment is not None and environment.commit:
        yield "commit", environment.commit
    if run.ended is not None and run.ended.error:
        yield "error", run.ended.error


def all_sections(facts: RunFacts, fields: Mapping[bytes, str]) -> Sequence[Markup]:
    """Return the sections below the timeline, in their order."""
    return [critical_path(facts), graph(facts), classes(facts), failures(facts, fields), workers(facts), reasons(facts)]
