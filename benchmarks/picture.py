"""The figures as an SVG: a group of bars per case, microseconds on a logarithmic scale.

Drawn from what ``--json`` writes, so that it can be drawn again: ``python -m benchmarks.picture figures.json out.svg``.
No plotting library: theirs are thousands of lines of SVG, and do not follow the reader's dark mode.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from textwrap import shorten
from typing import Any

WIDTH = 800
LABELS = 190  # where bars begin
BARS = 500  # how long the longest may be
LINE = 18  # a row's height
GROUP = 40  # what a group's title takes
TOP = 46

STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 } .quiet { fill: #59636e } .label { text-anchor: end } .tick { text-anchor: middle }
  .grid { stroke: #d1d9e0; stroke-width: 1 } .spread { stroke: #1f2328; stroke-width: 1 }
  .bar { fill: #9aa4af } .alexflow { fill: #d9580d } .limit { fill: #2f7d4f } .handmade { fill: #4078c0 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .grid { stroke: #3d444d } .spread { stroke: #f0f6fc }
    .bar { fill: #6b747e } .alexflow { fill: #f0883e } .limit { fill: #57ab6f } .handmade { fill: #6ca4e8 }
  }
"""


def draw(data: dict[str, Any]) -> str:
    """The picture of what ``report.as_data`` gives."""
    groups = [outcome for outcome in data["outcomes"] if _is_drawn(outcome)]
    scale = Scale([row["median"] for group in groups for row in group["rows"]])
    body: list[str] = []
    y = TOP
    for group in groups:
        y += GROUP
        body.append(_text(8, y - 10, f"{group['case']}: {group['title']}, {group['unit']}", "title"))
        for row in group["rows"]:
            body += _row(row, y, scale)
            y += LINE
    height = y + 34
    machine = data["machine"]
    about = f"Python {machine['python']}, {machine['cpus']} CPUs ({machine['processor']}), {data['rounds']} rounds"
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        f"<title>{escape(about)}</title>",
        f"<style>{STYLE}</style>",
        _text(8, 20, "microseconds, shorter is better, logarithmic; lines: least to most of all rounds", "quiet"),
        _text(8, 38, about, "quiet"),
    ]
    return "\n".join([*head, *_grid(scale, TOP + 12, height - 20), *body, "</svg>"]) + "\n"


class Scale:
    """Return the place of a value; differences may, by noise, be below nothing, and are drawn as nothing."""

    def __init__(self, medians: list[float | None]):
        values = [value for value in medians if value is not None and value > 0]
        self.first = math.floor(math.log10(min(values, default=1.0)))
        self.last = max(math.ceil(math.log10(max(values, default=10.0))), self.first + 1)

    def x(self, value: float) -> float:
        share = (math.log10(max(value, 10.0**self.first)) - self.first) / (self.last - self.first)
        return LABELS + BARS * min(share, 1.0)


def _is_drawn(outcome: dict[str, Any]) -> bool:
    return outcome["unit"].startswith("µs") and any(row["median"] for row in outcome["rows"])


def _row(row: dict[str, Any], y: int, scale: Scale) -> Iterator[str]:
    name, median = row["name"], row["median"]
    yield _text(LABELS - 8, y + 12, name, "label")
    if median is None:
        yield _text(LABELS + 6, y + 12, shorten(row["trouble"] or "", 80, placeholder=" …"), "quiet")
        return
    contestant = name.partition(",")[0]  # "alexflow, anew" is alexflow, "alexflow 1.1.4" is another
    kind = contestant if contestant in ("alexflow", "limit", "handmade") else "other"
    end = scale.x(median)
    yield f'<rect class="bar {kind}" x="{LABELS}" y="{y + 2}" width="{end - LABELS:.1f}" height="{LINE - 4}" rx="2"/>'
    least, most = scale.x(min(row["values"])), scale.x(max(row["values"]))
    yield f'<line class="spread" x1="{least:.1f}" x2="{most:.1f}" y1="{y + LINE / 2}" y2="{y + LINE / 2}"/>'
    yield _text(max(end, most) + 6, y + 12, f"{median:,.0f}" if median >= 100 else f"{median:.3g}", "")


def _grid(scale: Scale, top: int, bottom: int) -> Iterator[str]:
    for power in range(scale.first, scale.last + 1):
        x = scale.x(10.0**power)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
        for y in (top - 4, bottom + 14):
            yield _text(x, y, f"{10.0**power:,g}", "quiet tick")


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y}" class="{kind}">{escape(text)}</text>'


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(draw(json.loads(Path(sys.argv[1]).read_text())))
