"""Logging in the worker: records go to the engine, and into the logging of its process.

Import this only when ``logging`` is there already: a worker whose tasks do not log does without
(`process/worker/import_hook.py` sees to that).
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping

from alexflow.errors import TaskStopped
from alexflow.executors.process.wire.carried_values import carried
from alexflow.executors.process.wire.messages import Logged, Value
from alexflow.executors.process.worker.request_context import traceparent_here
from alexflow.hooks import MAX_TEXT, SHORT_TEXT, class_name, plain_text, repr_of, text_of

#: Records that a worker may send at once, and per second in the long run; those beyond are counted.
BURST = 1_000
PER_SECOND = 100.0

#: Arguments, or attributes given as ``extra``, that a record may have; of more, the text has to do.
MOST_VALUES = 100


class ForwardingHandler(logging.Handler):
    """Sends records to the engine, in the order in which they come, before the report on their job.

    Args:
        send: sends a message.
        running: gives the number of the job that is running.
    """

    def __init__(self, send: Callable[[Logged], None], running: Callable[[], int]):
        super().__init__()
        self._send = send
        self._running = running
        self._pid = os.getpid()
        self._allowance = float(BURST)
        self._since = time.monotonic()
        self._left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        if os.getpid() != self._pid:  # a child that a task has forked: the channel is not its own
            print(self.format(record), file=sys.stderr)
        elif self._may():
            try:
                self._send(self._logged(record))
            except Exception:  # attributes of a record that are not what they should be, as with any handler
                self.handleError(record)
        else:
            self._left_out += 1

    def _may(self) -> bool:
        now = time.monotonic()
        self._allowance = min(BURST, self._allowance + (now - self._since) * PER_SECOND)
        self._since = now
        if self._allowance < 1:
            return False
        self._allowance -= 1
        return True

    def _logged(self, record: logging.LogRecord) -> Logged:
        text, is_formatted = _formatted(record)
        template, args, by_name = _apart(record) if is_formatted else ("", [], False)
        extra = [(name, value) for name, value in vars(record).items() if name not in _EVERY_RECORD]
        left_out, self._left_out = self._left_out, 0
        return Logged(
            self._running(),
            plain_text(record.name),
            record.levelno,
            text,
            record.created,
            template,
            args,
            by_name,
            {plain_text(name): carried(value) for name, value in extra[:MOST_VALUES]},
            plain_text(record.pathname),
            record.lineno,
            plain_text(record.funcName or ""),
            plain_text(record.threadName or ""),
            plain_text(_details(record)),
            left_out,
            traceparent_here(),
        )

    def end(self, number: int) -> None:
        """Report, at the end of a job, how many of its records were left out."""
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            self._send(Logged(number, "alexflow", logging.WARNING, "", time.time(), left_out=left_out))


_formatter = logging.Formatter()

#: What each record has; all else was given as ``extra``.
_EVERY_RECORD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})


def _formatted(record: logging.LogRecord) -> tuple[str, bool]:
    """The text of a record, or one that says why there is none; and which of the two it is."""
    try:
        return plain_text(record.getMessage()), True
    except TaskStopped:
        raise
    except BaseException as error:  # arguments that do not fit, or a __str__ of the user's that raises, exits too
        message, args = repr_of(record.msg, SHORT_TEXT), repr_of(record.args, SHORT_TEXT)
        said = f"{class_name(type(error))}: {text_of(error, SHORT_TEXT)}"
        return f"{message} with {args} cannot be formatted: it raised {said}", False


def _details(record: logging.LogRecord) -> str:
    """The exception and the stack of a record."""
    details = record.exc_text or ""
    if record.exc_info and not details:
        try:
            details = _formatter.formatException(record.exc_info)
        except TaskStopped:
            raise
        except BaseException as error:  # attributes of an exception of the user's that raise
            details = f"its traceback cannot be shown: {class_name(type(error))}: {text_of(error, SHORT_TEXT)}"
    return "\n".join(filter(None, [details, record.stack_info]))


def _apart(record: logging.LogRecord) -> tuple[str, list[Value], bool]:
    """Return template and arguments of a record; nothing if they are no plain template and few values."""
    args = record.args
    if not args or type(record.msg) is not str or len(record.msg) > MAX_TEXT or len(args) > MOST_VALUES:
        return "", [], False
    by_name = not isinstance(args, tuple)
    return plain_text(record.msg), [carried(arg) for arg in ((args,) if by_name else args)], by_name


class KeptRecords(logging.Handler):
    """Keeps what is logged while modules are imported for workers, until it is one of these that forwards it.

    Attributes:
        records: so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if len(self.records) < BURST:
            self.records.append(record)


def install(handler: logging.Handler, levels: Mapping[str, int], disabled: int) -> None:
    """Forward every record that would be of interest in the engine's process."""
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.disable(disabled)
    root = logging.getLogger()
    root.addHandler(handler)
    for kept in [kept for kept in root.handlers if isinstance(kept, KeptRecords) and kept is not handler]:
        root.removeHandler(kept)
        for record in kept.records:
            handler.handle(record)
