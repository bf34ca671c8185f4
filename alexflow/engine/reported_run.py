"""``html="report.html"``: a report of a run is written once its engine is closed, and its record complete."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable

from alexflow.arguments import wrong_argument
from alexflow.errors import DefinitionError
from alexflow.logs import logger
from alexflow.storage import Storage

#: A file, or where it is to be.
FilePath = str | os.PathLike[str]


def report_writer(storage: Storage, html: FilePath, *, record: bool) -> Callable[[], None]:
    """Return a function that writes a report of the run that begins now; it is to be called when that is over.

    It blocks, and raises nothing: a report that cannot be written is logged, and the run stays what it was.

    Args:
        storage: the run's.
        html: the file.
        record: whether the run is recorded.

    Raises:
        DefinitionError: no report can be written there.
    """
    if not isinstance(html, str | os.PathLike):
        raise wrong_argument("html", html, "the path of a file, such as 'report.html'")
    if not record:
        raise DefinitionError("html= makes a report from the record, which record=False does without")
    directory = os.path.dirname(os.path.abspath(html))
    if not os.path.isdir(directory):
        raise DefinitionError(f"html: there is no directory {directory} for the report")
    if os.path.isdir(os.path.abspath(html)):
        raise DefinitionError(f"html: {os.path.abspath(html)} is a directory; name a file, such as 'report.html'")
    since = time.time()

    def write() -> None:
        from alexflow.report import write_nothing_ran, write_report  # deferred: few runs write one
        from alexflow.timeline.storage_lines import run_of_process

        try:
            run = run_of_process(storage, socket.gethostname(), os.getpid(), since)
            if run is None:
                write_nothing_ran(html)
            else:
                write_report(storage, run, html)
        except Exception as error:  # the disk's, or of a record that cannot be read
            logger.warning("no report was written to %s: %s", html, error)

    return write
