"""``alexflow export KEY --ro-crate DIR``."""

from __future__ import annotations

import argparse
import shlex

from alexflow.cli import answers
from alexflow.cli.places import check_apart
from alexflow.cli.recorded import record_of
from alexflow.cli.wrong_use import WrongUse
from alexflow.errors import OutputNotFound
from alexflow.record.crate import write_crate
from alexflow.storage.shown_place import shown_place


def execute(options: argparse.Namespace) -> int:
    """Write an output, and all that is known of how it was made, to a directory of its own."""
    record, directory = record_of(options), options.ro_crate
    check_apart(record.storage, directory)
    try:
        crate = write_crate(record, options.key, directory, upstream=options.upstream, license=options.license)
    except OutputNotFound as error:
        raise WrongUse(
            f"{error.key} is not in {shown_place(record.storage)} any more, or damaged; make it again first"
        ) from None
    except OSError as error:
        raise WrongUse(f"{directory} cannot be written: {error.strerror or error}") from None
    if options.json:
        answers.print_json({"directory": directory, "tasks": crate.tasks, "files": crate.files, "runs": crate.runs})
        return 0
    counts = answers.counted(crate.tasks, "task"), answers.counted(len(crate.files), "output")
    answers.headline(f"{directory}: {counts[0]} described, {counts[1]} copied")
    answers.helps_next(f"alexflow show {options.key} --storage {shlex.quote(directory)}")
    return 0
