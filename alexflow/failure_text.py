"""Parts of the text of a failed task's error.

Apart from the report of a run (:mod:`alexflow.failures`), whose dataclasses would cost every import of the errors 2 ms.
"""

from __future__ import annotations

#: Lines of a failed task's output, of each stream, in the text of its error.
LINES_SHOWN = 10

#: Characters of an exception's message above the traceback, which has all of it.
LONGEST_MESSAGE = 1_000


def beginning(message: str, traceback: str) -> str:
    """The beginning of an exception's message, which may hold data; all of it where no traceback has it."""
    return f"{message[:LONGEST_MESSAGE]} …" if traceback and len(message) > LONGEST_MESSAGE else message


def last_lines(stream: str, text: str) -> str:
    """The last lines that a task has written to a stream, for the text of its error."""
    lines = text.rstrip().splitlines()
    if not lines:
        return ""
    which = f"the last {LINES_SHOWN} lines of {stream}" if len(lines) > LINES_SHOWN else stream
    return "".join([f"\n  {which}:", *(f"\n    {line}" for line in lines[-LINES_SHOWN:])])


def times_tried(attempts: int, deaths: int) -> str:
    """The number of attempts and of worker deaths, for the text of a task's error; empty after one attempt."""
    if attempts <= 1:
        return ""
    if not deaths:
        return f" after {attempts} attempts"
    died = "1 worker death" if deaths == 1 else f"{deaths} worker deaths"
    return f" (after {died})" if attempts == deaths else f" (after {attempts} attempts, {died} among them)"
