"""The worker's side of logging: what tasks log goes to the engine, and into the logging of its process.

Import this only when ``logging`` is there already: a worker whose tasks do not log does without
(:mod:`alexflow.executors.process.importing` sees to that).
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping

from alexflow.executors.process.messages import Logged

#: Records that a worker may send at once, and per second in the long run; those beyond are counted.
BURST = 1_000
PER_SECOND = 100.0


class Relay(logging.Handler):
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
                logged = self._logged(record)
            except Exception:  # arguments that do not fit the message, as with any handler
                self.handleError(record)
            else:
                self._send(logged)
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
        details = record.exc_text or ""
        if record.exc_info and not details:
            details = _formatter.formatException(record.exc_info)
        if record.stack_info:
            details = "\n".join(filter(None, [details, record.stack_info]))
        left_out, self._left_out = self._left_out, 0
        return Logged(
            self._running(),
            record.name,
            record.levelno,
            record.getMessage(),
            record.created,
            record.pathname,
            record.lineno,
            record.funcName or "",
            record.threadName or "",
            details,
            left_out,
        )

    def end(self, number: int) -> None:
        """A job has ended: tell how much of what it logged was left out."""
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            self._send(Logged(number, "alexflow", logging.WARNING, "", time.time(), left_out=left_out))


_formatter = logging.Formatter()


def install(relay: Relay, levels: Mapping[str, int], disabled: int) -> None:
    """Have everything that is logged relayed that would be of interest in the engine's process."""
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.disable(disabled)
    logging.getLogger().addHandler(relay)
