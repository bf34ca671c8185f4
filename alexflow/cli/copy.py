"""``alexflow copy SOURCE DESTINATION``."""

from __future__ import annotations

import argparse
import sys

from alexflow.cli import answers
from alexflow.cli.places import check_apart, check_exists, opened
from alexflow.cli.wrong_use import WrongUse
from alexflow.storage import LocalStorage
from alexflow.storage.copying import Copies, copy


def execute(options: argparse.Namespace) -> int:
    """Copy what is not there yet; 1 if something was missing or damaged."""
    source = opened(options.source, options.source_option)
    destination = opened(options.destination, options.destination_option)
    check_exists(source)
    if source == destination:
        raise WrongUse(f"{options.source} and {options.destination} are one storage")
    if isinstance(source, LocalStorage) and isinstance(destination, LocalStorage):
        check_apart(source, str(destination.base_path))
    shows = sys.stderr.isatty() and not options.json
    done = copy(source, destination, options.key, prefix=options.prefix, progress=_show if shows else None)
    if shows:
        print("\r\033[K", end="", file=sys.stderr)
    ok = not (done.missing or done.damaged)
    if options.json:
        names = ("copied", "existed", "missing", "damaged")
        answers.print_json({name: getattr(done, name) for name in names})
    else:
        _print(done, ok, options.destination)
    return 0 if ok else 1


def _show(done: Copies) -> None:
    print(f"\r\033[K{done.copied:,} copied, {done.existed:,} there already", end="", file=sys.stderr, flush=True)


def _print(done: Copies, ok: bool, destination: str) -> None:
    counts = [(done.copied, "copied"), (done.existed, "there already")]
    counts += [(len(done.missing), "missing"), (len(done.damaged), "damaged")]
    answers.headline(", ".join(f"{n:,} {word}" for n, word in counts if n or word == "copied"), good=ok)
    answers.print_table(
        ("fault", "key"), [*(("missing", key) for key in done.missing), *(("damaged", key) for key in done.damaged)]
    )
    answers.helps_next("alexflow verify", destination)
