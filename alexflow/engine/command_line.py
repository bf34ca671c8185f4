"""The command line of this process, as it was typed, and its directory."""

from __future__ import annotations

import os
import sys

from alexflow.blocks_briefly import blocks_briefly


def command_line() -> list[str]:
    """Return the command line, as it was typed.

    An installed command is a script that the system starts as ``/…/bin/python /…/bin/alexflow run …``, with its place
    in ``PATH``: of that, only the command's name was typed.
    """
    words = list(sys.orig_argv)
    if len(words) > 1 and os.path.isabs(words[0]):
        place, name = os.path.split(words[1])
        if os.path.isabs(place) and (place == os.path.dirname(words[0]) or place in os.get_exec_path()):
            return [name, *words[2:]]
    return words


@blocks_briefly("once a run: one call of the system")
def working_directory() -> str:
    """Return the directory in which the program runs; "" if it has been removed."""
    try:
        return os.getcwd()
    except OSError:
        return ""
