"""Outcomes as text, and as plain data for JSON."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.contest import Setting
from benchmarks.measure import Sample
from benchmarks.outcome import Bar, Outcome, Row


def as_text(name: str, outcome: Outcome) -> str:
    """A paragraph: each contestant's figure, alexflow's ratios, and the bars that are met."""
    lines = [f"{name}: {outcome.title}" + (f", {outcome.unit}" if outcome.unit else "")]
    if outcome.skipped is not None:
        lines.append(f"  skipped: {outcome.skipped}")
    lines += [_row(outcome, row) for row in outcome.rows.values()]
    lines += [f"  {_bar(bar)}" for bar in outcome.bars]
    return "\n".join(lines)


def _row(outcome: Outcome, row: Row) -> str:
    if row.sample is None:
        return f"  {row.name:34} {'ERROR: ' if row.broken else ''}{row.trouble}"
    line = f"  {row.name:34} {number(row.sample.median):>8}  {_spread(row.sample):22}".rstrip()
    mine = _like_for_like(row.name)
    ratio = outcome.ratio(mine, row.name) if row.name != mine else None
    return line if ratio is None else f"{line:68} {mine}: {number(ratio.median)} × {_spread(ratio)}".rstrip()


def _like_for_like(name: str) -> str:
    return "alexflow, warm" if name.endswith(", warm") else "alexflow"


def _bar(bar: Bar) -> str:
    if bar.sample is None:
        return f"{bar.text:34}           could not be measured"
    found = f"{number(bar.sample.median):>8}  {_spread(bar.sample):22}"
    kind = "beside the bar, " if bar.beside else "bar "
    return f"{bar.text:34} {found} {kind}{'met' if bar.met else 'MISSED'}"


def number(value: float) -> str:
    """A figure as a person reads it."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _spread(sample: Sample) -> str:
    least, most = sample.spread
    return f"({number(least)} … {number(most)})" if len(sample.values) > 1 else ""


def as_data(outcomes: list[tuple[str, Outcome]], setting: Setting) -> dict[str, Any]:
    """Everything that was measured, and on what."""
    return {
        "machine": machine(),
        "rounds": setting.rounds,
        "scale": setting.scale,
        "peers": [them.name for them in setting.peers],
        "outcomes": [{"case": name, **_plain(outcome)} for name, outcome in outcomes],
    }


def _plain(outcome: Outcome) -> dict[str, Any]:
    return {
        "title": outcome.title,
        "unit": outcome.unit,
        "skipped": outcome.skipped,
        "rows": [
            {
                "name": row.name,
                "trouble": row.trouble,
                "in_short": row.in_short,
                "broken": row.broken,
                **_sampled(row.sample),
            }
            for row in outcome.rows.values()
        ],
        "bars": [
            {
                "text": bar.text,
                "limit": bar.limit,
                "at_least": bar.at_least,
                "beside": bar.beside,
                "met": bar.met,
                **_sampled(bar.sample),
            }
            for bar in outcome.bars
        ],
    }


def _sampled(sample: Sample | None) -> dict[str, Any]:
    return {"median": None, "values": []} if sample is None else {"median": sample.median, **asdict(sample)}


def machine() -> dict[str, Any]:
    """Describe the machine, and versions."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "commit": _commit(),
    }


def summary(outcomes: list[Outcome], seconds: float) -> str:
    """Say how many bars are met."""
    bars = [bar for outcome in outcomes for bar in outcome.bars if not bar.beside]
    return f"{sum(bar.met for bar in bars)} of {len(bars)} bars met, {seconds:.0f} s in all"


def header(rounds: int, scale: float) -> str:
    """Describe the machine in a line."""
    host = machine()
    scaled = f", sizes × {scale:g}" if scale != 1 else ""
    return (
        f"Python {host['python']}, {host['cpus']} CPUs ({host['processor']}), {host['memory_gib']} GiB, "
        f"{rounds} rounds{scaled}; medians (least … most), ratios within a round"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
