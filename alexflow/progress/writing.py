"""Writing progress and output to a stream of the user's, whatever becomes of that."""

from __future__ import annotations

import sys
from typing import TextIO

from alexflow.model.options import in_notebook


def is_shown(wanted: bool | None) -> bool:
    """Whether progress is shown: if it is wanted or, where that is None, on a terminal or in a notebook."""
    file = sys.stderr
    if wanted is False or file is None or file.closed:
        return False
    return wanted or file.isatty() or in_notebook()


def write_text(file: TextIO, text: str) -> None:
    """Write a text, with escapes for characters that the file's encoding does not have."""
    encoding = getattr(file, "encoding", None) or "utf-8"
    try:
        file.write(text.encode(encoding, "backslashreplace").decode(encoding))
        file.flush()
    except Exception as error:  # a broken pipe, a closed file, an object of the user's: the work goes on
        from alexflow.logs import logger  # deferred: a run that has nothing to do loads no logging

        logger.debug("progress or output cannot be written: %s", error)
