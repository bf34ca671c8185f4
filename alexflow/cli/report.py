"""``alexflow report [RUN] -o FILE``."""

from __future__ import annotations

import argparse
import os

from alexflow.cli import answers
from alexflow.cli.places import existing_storage
from alexflow.cli.wrong_use import WrongUse
from alexflow.report import write_report


def execute(options: argparse.Namespace) -> int:
    """Write a report of a run: by default the last one."""
    try:
        run = write_report(existing_storage(options), options.run, options.output)
    except OSError as error:
        raise WrongUse(f"{options.output} cannot be written: {error.strerror or error}") from None
    file = os.path.abspath(options.output)
    if options.json:
        answers.print_json({"run": run, "file": file, "bytes": os.path.getsize(file)})
        return 0
    answers.headline(f"{options.output}: run {run}, {answers.size(os.path.getsize(file))}")
    answers.helps_next(f"alexflow trace {run} -o trace.json", options.storage)
    return 0
