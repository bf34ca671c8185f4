"""``alexflow trace [RUN] -o FILE``."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress

from alexflow.cli import answers
from alexflow.cli.places import existing_storage
from alexflow.cli.wrong_use import WrongUse
from alexflow.timeline.perfetto import write_perfetto
from alexflow.timeline.storage_lines import find_run
from alexflow.timeline.task_columns import read_run
from alexflow.timeline.trace import write_trace

#: Of files: the Trace Event Format, and Perfetto's own.
ENDINGS = (".json", ".pftrace")


def execute(options: argparse.Namespace) -> int:
    """Write a run as a trace: by default the last one."""
    if not options.output.endswith(ENDINGS):
        raise WrongUse(f"-o {options.output}: a trace ends in .json or .pftrace, which says in which form it is")
    storage = existing_storage(options)
    run = find_run(storage, options.run)
    columns = read_run(storage, run)
    assert columns.run is not None
    partial = f"{options.output}.partial"
    try:
        if options.output.endswith(".pftrace"):
            with open(partial, "wb") as binary:
                count = write_perfetto(columns, columns.run, binary)
        else:
            with open(partial, "w", encoding="utf-8") as file:
                count = write_trace(columns, columns.run, file)
        os.replace(partial, options.output)
    except OSError as error:
        with suppress(OSError):
            os.unlink(partial)
        raise WrongUse(f"{options.output} cannot be written: {error.strerror or error}") from None
    file_size = os.path.getsize(options.output)
    if options.json:
        answers.print_json({"run": run, "file": os.path.abspath(options.output), "bytes": file_size, "events": count})
        return 0
    answers.headline(f"{options.output}: run {run}, {answers.counted(count, 'event')}, {answers.size(file_size)}")
    print("Open it at https://ui.perfetto.dev; it does not leave your browser.")
    return 0
