"""The sections that say why a run took as long as it did: the bounds, the path, and the graph grouped by class."""

from __future__ import annotations

from alexflow.progress.text import counted, size
from alexflow.report.facts import START_CAUSES, RunFacts, seconds_text
from alexflow.report.graph_picture import class_graph
from alexflow.report.markup import Markup, MarkupPart, element, joined, section, table
from alexflow.report.still import css_colour
from alexflow.timeline.fold import STATE_NAMES

#: Rows of the table of the path; the page says how many it leaves out.
MOST_STEPS = 40


def critical_path(facts: RunFacts) -> Markup:
    """Return the bounds, what would shorten the run, and the path."""
    found = facts.bounds
    parts: list[MarkupPart] = [_bars(facts), element("p", facts.advice())]
    if facts.path:
        steps = len(facts.path)
        work = sum(each.took for each in facts.on_path)
        parts.append(
            element(
                "p",
                f"The path below ends with the last task and steps back to whatever ended last before each: an input, "
                f"the worker's task before, one that held its limit, or its attempt before. "
                f"Its {counted(steps, 'step')} took {seconds_text(work)}, the gaps "
                f"between them {seconds_text(sum(step.gap for step in facts.path[1:]))}; "
                f"the first began {seconds_text(facts.path[0].gap)} after the run.",
                class_="faint",
            )
        )
        rows = [
            [
                class_label(facts, each.cls),
                f"{each.tasks:,}",
                seconds_text(each.took),
                f"{each.took / max(1, found.makespan):.0%}",
            ]
            for each in facts.on_path
        ]
        parts.append(table(["class", "attempts on the path", "took", "of the makespan"], rows))
        parts.append(element("details", element("summary", "The path, step by step"), _steps(facts)))
    return section("Why it took that long", *parts, id="path")


def _bars(facts: RunFacts) -> Markup:
    found = facts.bounds
    bars = [("makespan: first start to last end", found.makespan, "")]
    if found.workers:
        bars.append((f"all work ÷ {counted(found.workers, 'worker')}", round(found.work_per_worker), " second"))
    bars.append((f"longest chain of inputs ({counted(found.chain_length, 'task')})", found.chain, " third"))
    cells: list[MarkupPart] = []
    for name, took, rank in bars:
        width = f"width:{100 * took / max(1, found.makespan):.1f}%"
        cells += [
            element("span", name),
            element("span", element("span", "", class_=f"bar{rank}", style=f"display:block;{width}")),
            element("span", seconds_text(took), class_="figure"),
        ]
    return element("div", *cells, class_="bars")


def _steps(facts: RunFacts) -> Markup:
    columns = facts.columns
    chosen = sorted(
        sorted(range(len(facts.path)), key=lambda at: -(_took(facts, at) + facts.path[at].gap))[:MOST_STEPS]
    )
    rows = []
    for at in chosen:
        step = facts.path[at]
        index = step.task
        task_id = columns.task_id(index)
        rows.append(
            [
                element("code", f"{facts.short(columns.cls[index])}.{task_id[-40:-32]}"),
                START_CAUSES[step.cause],
                STATE_NAMES[columns.state[index]],
                seconds_text(columns.start[index]),
                seconds_text(step.gap),
                seconds_text(columns.end[index] - columns.start[index]),
            ]
        )
    rest = len(facts.path) - len(chosen)
    caption = f"The {len(chosen)} steps that took longest; {rest:,} more are left out" if rest else "All steps"
    return table(["task", "waited for", "state", "began after", "gap", "took"], rows, left=3, caption=caption)


def _took(facts: RunFacts, at: int) -> int:
    index = facts.path[at].task
    return facts.columns.end[index] - facts.columns.start[index]


def class_label(facts: RunFacts, cls: int) -> Markup:
    """Return a class's colour and short name."""
    swatch = element("span", class_="swatch", style=f"background:{css_colour(cls)}")
    return joined([swatch, facts.short(cls)])


def graph(facts: RunFacts) -> Markup:
    """Return the graph grouped by class."""
    if not facts.edges:
        return section(
            "Graph by class",
            element("p", "No task of this run has read an output of another.", class_="faint"),
            id="graph",
        )
    classes = facts.run.timeline.classes
    names = [facts.short(cls) for cls in range(len(classes))]
    picture = class_graph(names, [each.count for each in classes], facts.edges)
    rows = [[names[edge.source], names[edge.target], f"{edge.reads:,}", size(edge.bytes)] for edge in facts.edges]
    return section(
        "Graph by class",
        element("div", picture, class_="graph", tabindex="0", role="group", aria_label="Graph by class"),
        element(
            "details",
            element("summary", "Its edges as a table"),
            table(["outputs of", "read by", "reads", "bytes"], rows, left=2),
        ),
        id="graph",
    )
