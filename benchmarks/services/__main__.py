"""The parts of the table, one after the other."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
from pathlib import Path

from benchmarks.services import (
    age,
    buckets,
    deadlines,
    events,
    hot,
    leaving,
    lists,
    mapping,
    notice,
    overload,
    priority,
    rates,
    removals,
    stats,
    stream,
    turns,
)

PARTS = {
    "removals": removals.measure,
    "leaving": leaving.measure,
    "priority": priority.measure,
    "overload": overload.measure,
    "stats": stats.measure,
    "hot": hot.measure,
    "rates": rates.measure,
    "events": events.measure,
    "notice": notice.measure,
    "buckets": buckets.measure,
    "age": age.measure,
    "stream": stream.measure,
    "deadlines": deadlines.measure,
    "map": mapping.measure,
    "million": mapping.measure_million,
    "lists": lists.measure,
    "turns": turns.measure,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure the parts that were asked for, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks services", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="part", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--scale", type=float, default=1.0, help="what all sizes are multiplied by; bars are for 1")
    memory = Path("/dev/shm")  # on tmpfs, like the other benchmarks
    parser.add_argument("--memory", type=Path, default=memory if memory.is_dir() else Path(tempfile.gettempdir()))
    options = parser.parse_args(arguments)
    gc.freeze()
    gc.set_threshold(50_000)
    for name in options.parts or PARTS:
        with tempfile.TemporaryDirectory(dir=options.memory) as directory:
            for line in asyncio.run(PARTS[name](Path(directory), options.scale)):
                print(f"{name:10} {line}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
