"""Reports of running tasks: how far they are. The first one goes out at once, and then the newest at most ten a second.

A training reports each step, and has steps of a millisecond: so what is reported meanwhile is replaced by what comes
after it. The last report before a pause, or before the end of the attempt, always goes out.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from alexflow.errors import DefinitionError
from alexflow.hooks import an_instance, plain_text, repr_of

#: Seconds between two reports of an attempt.
SECONDS_BETWEEN_REPORTS = 0.1

#: Values in one report.
MOST_REPORTED_VALUES = 100

#: Characters of a text in a report.
LONGEST_REPORTED_TEXT = 1000

#: A value in a report.
ReportedValue = None | bool | int | float | str


class TaskReport(Struct, frozen=True, array_like=True):
    """One report.

    Attributes:
        at: when, in seconds since 1970.
        step: the number of the step that is done; None if it does not say.
        of: how many steps there are; None if it does not say.
        values: what else it says, such as a loss.
    """

    at: float
    step: int | None
    of: int | None
    values: dict[str, ReportedValue]


def make_report(step: Any, of: Any, values: Mapping[str, Any]) -> TaskReport:
    """Check what a task reports.

    Raises:
        DefinitionError: a value is neither a number nor a text, or there are too many.
    """
    if len(values) > MOST_REPORTED_VALUES:
        raise DefinitionError(
            f"a report has at most {MOST_REPORTED_VALUES} values, not {len(values)}; store an output instead"
        )
    step, of = (_whole(name, number) for name, number in (("step", step), ("of", of)))
    return TaskReport(time.time(), step, of, {plain_text(name): _plain(name, value) for name, value in values.items()})


def _whole(name: str, number: Any) -> int | None:
    number = _plain(name, number)
    if number is not None and type(number) is not int:
        raise DefinitionError(f"current.report({name}=…) takes a whole number, not {repr_of(number)}")
    return number


def _plain(name: str, value: Any) -> ReportedValue:
    if type(value) not in (int, float, str, bool) and value is not None:
        item = getattr(value, "item", None)  # of a number of numpy, torch and others
        value = _number(name, value, item) if callable(item) else value
    if isinstance(value, str):
        return plain_text(value, LONGEST_REPORTED_TEXT)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(max(-(2**1023), min(value, 2**1023)))
    if value is None or isinstance(value, bool | int | float):
        return value
    raise DefinitionError(
        f"current.report({name}=…) takes a number or a text, not {an_instance(value)}; store an output instead"
    )


class Reports:
    """The reports of one attempt.

    Args:
        send: passes one on; may be called by another thread.
    """

    def __init__(self, send: Callable[[TaskReport], None]):
        self._send = send
        self._lock = threading.Lock()
        self._waiting: TaskReport | None = None
        self._sent_at = float("-inf")
        self._timer: threading.Timer | None = None

    def add(self, report: TaskReport) -> None:
        """Pass on a report, now or soon, unless another comes first."""
        with self._lock:
            wait = self._sent_at + SECONDS_BETWEEN_REPORTS - time.monotonic()
            if wait <= 0:
                self._pass_on(report)
                return
            self._waiting = report
            if self._timer is None:
                self._timer = threading.Timer(wait, self.flush)
                self._timer.daemon = True
                self._timer.name = "alexflow-reports"
                self._timer.start()

    def flush(self) -> None:
        """Pass on what waits."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None
            if self._waiting is not None:
                self._pass_on(self._waiting)

    def _pass_on(self, report: TaskReport) -> None:
        self._waiting = None
        self._sent_at = time.monotonic()
        self._send(report)


def _number(name: str, value: Any, item: Callable[[], Any]) -> Any:
    try:
        return item()
    except (ValueError, RuntimeError, TypeError) as error:  # an array of several numbers, or one without a value
        raise DefinitionError(
            f"current.report({name}=…) takes one number, not {an_instance(value)} of several; reduce it first, "
            "as by .mean()"
        ) from error
