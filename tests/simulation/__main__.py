"""``python -m tests.simulation``: play many seeds, or one saved simulation again."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.simulation.saved import replay
from tests.simulation.search import search


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if nothing is wrong, 1 if something is, 2 if there is no such file."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    searching = commands.add_parser("search", help="play random scenarios, and save those that go wrong")
    searching.add_argument("--seeds", type=int, default=2000, help="how many (default: 2000)")
    searching.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    searching.add_argument("--save", type=Path, default=Path("simulations"), help="a directory (default: simulations)")
    replaying = commands.add_parser("replay", help="play a saved scenario again, and say where it deviates")
    replaying.add_argument("file", type=Path)
    replaying.add_argument("--history", action="store_true", help="show everything that happens")
    options = parser.parse_args(arguments)
    logging.getLogger("alexflow").setLevel(logging.CRITICAL + 1)  # complaints are printed below
    if options.command == "search":
        tally = search(range(options.first, options.first + options.seeds), options.save)
        print(tally)
        return 1 if tally.wrong else 0
    try:
        played = replay(options.file)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.history:
        print(*played.history, sep="\n")
    print(played)
    return 1 if played.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
