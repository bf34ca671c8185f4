"""``python -m benchmarks``: every case beside its limit, as a table."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks.cases import CASES, Line, Setting


def main() -> int:
    """Run the cases that were asked for; gives 1 if a bar is not met and ``--strict`` is set."""
    arguments = _parser().parse_args()
    setting = Setting(arguments.rounds, arguments.memory, arguments.disk)
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {arguments.rounds} rounds, medians")
    print(f"{'case':44} {'alexflow':48} {'beside':32} {'ratio':>8} {'bar':>8}")
    lines: list[Line] = []
    for name in arguments.cases or CASES:
        for line in CASES[name](setting):
            lines.append(line)
            mark = "" if line.met else "  missed"
            print(
                f"{line.case:44} {line.figure:48} {line.beside:32} {line.ratio:8.2f} {line.bar:8.2f}{mark}", flush=True
            )
    if arguments.json:
        Path(arguments.json).write_text(json.dumps([dataclasses.asdict(line) for line in lines], indent=2))
    return 1 if arguments.strict and not all(line.met for line in lines) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case", choices=[*CASES, []], help=f"one of {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured (5)")
    parser.add_argument("--memory", type=Path, default=_memory(), help="a directory on tmpfs")
    parser.add_argument("--disk", type=Path, default=Path.cwd(), help="a directory on a disk")
    parser.add_argument("--json", help="write the figures to this file")
    parser.add_argument("--strict", action="store_true", help="fail if a bar is not met")
    return parser


def _memory() -> Path:
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else Path(tempfile.gettempdir())


if __name__ == "__main__":
    sys.exit(main())
