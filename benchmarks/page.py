"""The figures in the documentation: ``python -m benchmarks.page FIGURES.json [PEERS.json …]``, never copied by hand.

Rewrites what is between two comments in ``docs/performance.md``: a table of what was measured, and one beside other
engines for each ``PEERS.json``, or those that were given before, or for the figures, if they have peers in them. Draws
``docs/figures/performance.svg``, and keeps the data beside it, from which a test makes all of that once more.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import picture
from benchmarks.contestant import HERE
from benchmarks.report import number

BEGIN = "<!-- figures: written by python -m benchmarks.page -->"
END = "<!-- end of the figures -->"

WARM = ", warm"
COLUMNS = ("alexflow", "limit", "handmade")

Data = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page's part, the picture and the data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("figures", type=Path, help="what `python -m benchmarks --json` wrote")
    parser.add_argument("peers", type=Path, nargs="*", help="the same with other engines in it (`nox -s bench-peers`)")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs", help="where the page is (%(default)s)")
    options = parser.parse_args(arguments)
    write(options.docs, _read(options.figures), [_read(path) for path in options.peers])


def write(docs: Path, figures: Data, peers: Sequence[Data] = ()) -> None:
    """The same of data."""
    page, kept = docs / "performance.md", docs / "figures"
    text = rewritten(page.read_text(), part(figures, peers or _peers_before(figures, kept / "peers.json")))
    kept.mkdir(exist_ok=True)
    _keep(kept / "performance.json", figures)
    if peers:
        _keep(kept / "peers.json", peers)
    (kept / "performance.svg").write_text(picture.draw(figures))
    page.write_text(text)


def _peers_before(figures: Data, kept: Path) -> Sequence[Data]:
    if figures["peers"]:
        return [figures]
    return _read(kept) if kept.exists() else []


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def _keep(path: Path, data: Data | Sequence[Data]) -> None:
    path.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")


def rewritten(page: str, between: str, begin: str = BEGIN, end: str = END) -> str:
    """A page with something else between the two comments.

    Raises:
        ValueError: it has not each of them once, in this order.
    """
    before, begun, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    if not (begun and ended) or begin in after or end in before + after:
        raise ValueError(f"the page must have {begin} and, behind it, {end}, each once")
    return f"{before}{begin}\n\n{between}\n\n{end}{after}"


def part(figures: Data, peers: Sequence[Data]) -> str:
    """Return the text between the comments."""
    met = [bar["met"] for outcome in figures["outcomes"] for bar in outcome["bars"] if not bar["beside"]]
    paragraphs = [
        about(figures),
        table(["case", *COLUMNS, "also", "bar", "found", "met"], _lines(figures)),
        f"{sum(met)} of {len(met)} bars are met; what is in brackets is no bar, and is shown for comparison.",
        "![The same as a picture: microseconds on a logarithmic scale](figures/performance.svg)",
    ]
    if peers:
        paragraphs.append("### Beside other engines")
    for data in peers:
        paragraphs += [about(data), table(*_side_by_side(data)), _troubles(data)]
    return "\n\n".join(filter(None, paragraphs))


def about(data: Data) -> str:
    """On what it was measured."""
    machine = data["machine"]
    scaled = f" All sizes × {data['scale']:g}: the bars are not meant for that." if data["scale"] != 1 else ""
    rounds = f"medians of {data['rounds']} rounds" if data["rounds"] > 1 else "one round"
    return (
        f"{machine['implementation']} {machine['python']}, {machine['cpus']} CPUs ({machine['processor']}), "
        f"{machine['memory_gib']} GiB, {machine['system'].split('-')[0]}; commit {machine['commit'] or 'unknown'}; "
        f"{rounds}.{scaled}"
    )


# -- the table with the bars


def _lines(data: Data) -> Iterator[list[str]]:
    """A line for each case, with its first bar, and one for each further bar."""
    for outcome in data["outcomes"]:
        if not outcome["rows"]:
            continue
        own = [bar for bar in outcome["bars"] if not bar["beside"]]
        line = [_name(outcome), *_cells(outcome, COLUMNS), _also(outcome, data["peers"])]
        yield [*line, *_bar(own[0])] if own else [*line, "", "", ""]
        for bar in own[1:]:
            yield [""] * len(line) + _bar(bar)
        for bar in outcome["bars"]:
            if bar["beside"]:
                warm = _cells(outcome, [f"{column}{WARM}" for column in COLUMNS])
                yield [f"{outcome['case']}{WARM}", *warm, "", *_bar(bar)]


def _name(outcome: Data) -> str:
    return f"{outcome['case']}: {outcome['title']}, {outcome['unit']}"


def _cells(outcome: Data, columns: Iterable[str]) -> list[str]:
    rows = {row["name"]: row for row in outcome["rows"]}
    return [figure_of(rows[name]) if name in rows else "" for name in columns]


def figure_of(row: Data) -> str:
    return str(row["in_short"]) if row["median"] is None else number(row["median"])


def _also(outcome: Data, peers: Sequence[str]) -> str:
    """Rows that have no column of their own."""
    rest = [row for row in outcome["rows"] if row["name"] not in (*COLUMNS, *peers) and not row["name"].endswith(WARM)]
    return "; ".join(f"{row['name'].removeprefix('alexflow, ')} {figure_of(row)}" for row in rest)


def _bar(bar: Data) -> list[str]:
    found = "" if bar["median"] is None else number(bar["median"])
    met = "yes" if bar["met"] else "no"
    return [bar["text"], found, f"({met})" if bar["beside"] else met]


# -- the table beside other engines


def _side_by_side(data: Data) -> tuple[list[str], list[list[str]]]:
    """Engines as columns, and a line for each case that others were asked for."""
    columns = [*COLUMNS, *data["peers"]]
    lines = [[_name(outcome), *_cells(outcome, columns)] for outcome in _asked(data)]
    return ["case", *columns], lines


def _asked(data: Data) -> Iterator[Data]:
    """The cases that others were asked for."""
    peers = set(data["peers"])
    return (outcome for outcome in data["outcomes"] if any(row["name"] in peers for row in outcome["rows"]))


def _troubles(data: Data) -> str:
    """The reasons for missing figures, each once, unless the cell says it all."""
    reasons = {
        f"* {row['name']}, {outcome['case']}: {row['in_short']} (`{row['trouble'].replace('`', chr(39))}`)": None
        for outcome in _asked(data)
        for row in outcome["rows"]
        if row["name"] in data["peers"] and row["median"] is None and row["trouble"] != row["in_short"]
    }
    return "\n".join(reasons)


# -- Markdown


def table(head: list[str], lines: Iterable[list[str]]) -> str:
    return "\n".join(_line(cells) for cells in (head, ["---"] * len(head), *lines))


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    main()
