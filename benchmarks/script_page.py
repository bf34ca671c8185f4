"""The table of whole scripts in the documentation: ``python -m benchmarks.script_page FIGURES.json [--note TEXT]``.

Rewrites what is between two comments in ``docs/performance.md`` from what ``python -m benchmarks script --json`` wrote,
and keeps the data beside the page, from which a test makes the table once more.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contestant import HERE
from benchmarks.page import Data, about, figure_of, rewritten, table
from benchmarks.report import number

BEGIN = "<!-- script: written by python -m benchmarks.script_page -->"
END = "<!-- end of the script -->"
FIRST = ("alexflow", "handmade", "bare")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page's part and the data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.script_page", description=__doc__)
    parser.add_argument("figures", type=Path, help="what `python -m benchmarks script --json` wrote")
    parser.add_argument("--note", default=None, help="what a reader has to know, such as that the machine was busy")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs", help="where the page is (%(default)s)")
    options = parser.parse_args(arguments)
    data = json.loads(options.figures.read_text())
    if options.note is not None:
        data["note"] = options.note
    page = options.docs / "performance.md"
    text = rewritten(page.read_text(), part(data), BEGIN, END)
    (options.docs / "figures").mkdir(exist_ok=True)
    (options.docs / "figures" / "script.json").write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    page.write_text(text)


def part(data: Data) -> str:
    """Return the text between the comments."""
    others = [name.partition(" ")[0] for name in data["peers"]]
    head = ["case", *FIRST, *data["peers"], "× handmade", "bar", "found", "met"]
    lines = [line for outcome in data["outcomes"] if outcome["rows"] for line in _lines(outcome, others)]
    return "\n\n".join(filter(None, [about(data), data.get("note"), table(head, lines)]))


def _lines(outcome: Data, others: Sequence[str]) -> list[list[str]]:
    """A line of the case, and one more for each further bar."""
    rows = {row["name"].partition(" ")[0]: row for row in outcome["rows"]}
    cells = [figure_of(rows[name]) if name in rows else "" for name in (*FIRST, *others)]
    bars = [
        [bar["text"], "" if bar["median"] is None else number(bar["median"]), "yes" if bar["met"] else "no"]
        for bar in outcome["bars"]
    ]
    first = [f"{outcome['title']}, {outcome['unit']}", *cells, _ratio(rows)]
    lines = [[*first, *(bars[0] if bars else ["", "", ""])]]
    return lines + [[""] * len(first) + bar for bar in bars[1:]]


def _ratio(rows: dict[str, Data]) -> str:
    mine, theirs = rows["alexflow"]["values"], rows["handmade"]["values"]
    if not mine or not theirs:
        return ""
    ratios = sorted(one / other for one, other in zip(mine, theirs, strict=True))
    middle = len(ratios) // 2
    return number(ratios[middle] if len(ratios) % 2 else (ratios[middle - 1] + ratios[middle]) / 2)


if __name__ == "__main__":
    main()
