"""The fold of a record for the live page, and the bytes that are made of it: no event loop, and no viewers.

It is in a thread where the page has a process of its own, and in another process where it is an engine's: so methods
take and return what can be pickled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from alexflow.record.lines import AttemptLine, RunBegunLine
from alexflow.timeline.engine_liveness import engine_is_gone
from alexflow.timeline.run_fold import FoldedAttempt, RecordFold, RunFold
from alexflow.timeline.segments import Recorded, RecordTail
from alexflow.timeline.storage_lines import outermost
from alexflow.web import messages, pages
from alexflow.web.messages import RunUnderWay, short

#: Messages that are kept for viewers that come after a snapshot was made.
KEPT = 120


class RunMessages:
    """The messages of one run that has viewers.

    Attributes:
        fresh: attempts that ended since the last message.
        number: of the last message.
        sent: the last messages, with their numbers.
        snapshot: the last one, with the number of the message after which it was made.
        seen: the run as it was at the last message.
    """

    def __init__(self) -> None:
        self.fresh: list[messages.NewAttempt] = []
        self.number = 0
        self.sent: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self.snapshot: tuple[int, bytes] | None = None
        self.seen: tuple[int, bool] = (-1, False)


class Folding:
    """Folds a record, and answers what a page asks. Methods block.

    Args:
        storage: what has the record.
    """

    def __init__(self, storage: Recorded):
        self._tail = RecordTail(storage)
        self._fold = RecordFold(self._take)
        self._channels: dict[str, RunMessages] = {}

    def look(self) -> None:
        """Take in what the record has gained."""
        for section, line in self._tail.new_lines():
            self._fold.add(section, line)

    def _take(self, run: RunFold, attempt: FoldedAttempt) -> None:
        channel = self._channels.get(run.begun.id)
        if channel is not None:
            cls = run.timeline.class_number(attempt.cls)
            took = attempt.end - attempt.start
            channel.fresh.append((attempt.lane.number, attempt.start, took, cls, attempt.state))

    # -- pages

    def has(self, run_id: str) -> bool:
        """Whether there is such a run."""
        return run_id in self._fold.runs

    def runs_page(self, base: str) -> str:
        """Return the page of all runs."""
        found = self._fold.runs
        shown = [found[run] for run in outermost(self._fold.begun())]
        return pages.runs_page(base, shown, len(found) - len(shown))

    def run_page(self, base: str, run_id: str) -> str | None:
        """Return the page of a run; None if there is no such run."""
        run = self._fold.runs.get(run_id)
        return None if run is None else pages.run_page(base, run)

    def failed_attempts(self, key: str) -> tuple[RunBegunLine, list[AttemptLine]] | None:
        """Return the last run in which a task failed, as it began, and the task's failed attempts there."""
        for _, run in sorted(self._fold.runs.items(), reverse=True):
            attempts = [line for line in run.failures if key in (line.task_id, short(line.task_id))]
            if attempts:
                return run.begun, attempts
        return None

    # -- messages

    def beginning(self, run_id: str, under_way: RunUnderWay | None) -> list[bytes]:
        """Return what a viewer begins with: the last snapshot and what came after it, or a new one."""
        channel = self._channels.setdefault(run_id, RunMessages())
        made = channel.snapshot
        if made is None or (channel.sent and channel.sent[0][0] > made[0] + 1) or channel.number - made[0] > KEPT // 2:
            run = self._fold.runs[run_id]
            channel.fresh.clear()  # they are in it
            content = messages.snapshot(run) | {"changes": messages.changes(run, (), under_way)}
            channel.number += 1
            made = channel.snapshot = channel.number, messages.event("snapshot", channel.number, content)
            channel.sent.clear()
        return [made[1], *(message for number, message in channel.sent if number > made[0])]

    def news(self, run_ids: list[str], under_way: Mapping[str, RunUnderWay]) -> dict[str, bytes]:
        """Take in what the record has gained, and return a message for each of the runs of which there is news.

        Args:
            run_ids: the runs that have viewers.
            under_way: what the engine says of them.
        """
        self.look()
        for run_id in self._channels.keys() - run_ids:
            del self._channels[run_id]
        made = {run_id: self._message(run_id, under_way.get(run_id)) for run_id in self._channels}
        return {run_id: message for run_id, message in made.items() if message is not None}

    def _message(self, run_id: str, under_way: RunUnderWay | None) -> bytes | None:
        run, channel = self._fold.runs[run_id], self._channels[run_id]
        seen = run.changes, engine_is_gone(run)
        if run.ended is not None and seen == channel.seen:
            return None
        channel.seen = seen
        attempts, channel.fresh = channel.fresh, []
        channel.number += 1
        message = messages.event("changes", channel.number, messages.changes(run, attempts, under_way))
        channel.sent.append((channel.number, message))
        return message
