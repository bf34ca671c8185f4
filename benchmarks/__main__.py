"""``python -m benchmarks``: every case, alexflow beside its limit and others, measured in the same rounds."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks import cases, picture, report
from benchmarks.contest import Setting
from benchmarks.contestant import Contestant, peer
from benchmarks.measure import Place, Stopwatch
from benchmarks.outcome import Outcome


def main() -> int:
    """Run the cases that were asked for; gives 1 if one was wrong, alexflow crashed, or (strict) a bar is missed."""
    if sys.argv[1:2] == ["services"]:  # which is a table of its own, without contestants
        from benchmarks.services.__main__ import main as services  # deferred: the cases need nothing of it

        return services(sys.argv[2:])
    if sys.argv[1:2] == ["cluster"]:  # as is this
        from benchmarks.cluster.__main__ import main as cluster  # deferred: the cases need nothing of it

        return cluster(sys.argv[2:])
    if sys.argv[1:2] == ["seeing"]:
        from benchmarks.seeing.__main__ import main as seeing  # deferred, as above

        return seeing(sys.argv[2:])
    options = _parser().parse_args()
    setting = Setting(
        rounds=options.rounds,
        memory=Place(options.memory),
        disk=Place(options.disk, keep=True),
        peers=tuple(options.peers),
        scale=options.scale,
        limit=options.limit,
    )
    print(report.header(setting.rounds, setting.scale), flush=True)
    watch = Stopwatch()
    outcomes: list[tuple[str, Outcome]] = []
    try:
        for name in options.cases or [name for name in cases.CASES if name not in cases.ONLY_IF_NAMED]:
            for outcome in cases.run(name, setting):
                outcomes.append((name, outcome))
                print("\n" + report.as_text(name, outcome), flush=True)
    finally:
        setting.memory.clear()
        setting.disk.clear()
    watch.stop()
    print("\n" + report.summary([outcome for _, outcome in outcomes], watch.seconds))
    data = report.as_data(outcomes, setting)
    if options.json:
        options.json.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    if options.svg:
        options.svg.write_text(picture.draw(data))
    broken = any(row.broken for _, outcome in outcomes for row in outcome.rows.values())
    missed = any(not (bar.met or bar.beside) for _, outcome in outcomes for bar in outcome.bars)
    return 1 if broken or (options.strict and missed) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    named = ", ".join(sorted(cases.ONLY_IF_NAMED))
    parser.add_argument(
        "cases",
        nargs="*",
        metavar="case",
        choices=[*cases.CASES, []],
        help=f"of {', '.join(cases.CASES)}; by default all" + (f" but {named}" if named else ""),
    )
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--memory", type=Path, default=_memory(), help="a directory on tmpfs (%(default)s)")
    parser.add_argument("--disk", type=Path, default=Path.cwd(), help="a directory on a disk (%(default)s)")
    parser.add_argument("--peers", nargs="+", type=_peer, default=[], metavar="NAME", help="other engines, or scripts")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds that one run may take (60)")
    parser.add_argument("--scale", type=float, default=1.0, help="what all sizes are multiplied by; bars are for 1")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw it")
    parser.add_argument("--strict", action="store_true", help="fail if a bar is missed")
    return parser


def _peer(name: str) -> Contestant:
    try:
        return peer(name)
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _memory() -> Path:
    shared = Path("/dev/shm")
    return shared if shared.is_dir() else Path(tempfile.gettempdir())


if __name__ == "__main__":
    sys.exit(main())
