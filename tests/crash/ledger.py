"""The guarantees that hold however an engine was killed, and a tally of the cases.

Visible outputs are read as they are found. Tasks log a line when they begin: it has the process, and whether all
outputs of the task were visible already. So the reason is known of a task that ran once more: it was in flight when its
process was killed, or its ephemeral output had been removed and was wanted again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import alexflow
from alexflow.errors import NotRecorded
from alexflow.storage.local.lock_file import LEASES_FILE as LEASES
from tests.crash.workflow import CONCURRENCY, DYNAMIC, WORKERS, Start, starts_in
from tests.kit.stored_files import stored_files

#: Tasks that may be in flight in the engine's own process: on the loop, in threads, and dynamic tasks.
IN_ENGINE = CONCURRENCY + WORKERS + DYNAMIC

#: The directory of digests in a storage whose file system has no attributes; a line more for each attempt.
DIGESTS = ".alexflow/digests/"

CHECKS = ".alexflow/agents/"  # files of engines that were killed; other engines remove them after a day


@dataclass
class Tally:
    """Counts over all directories."""

    kills: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    completed: int = 0
    looked_at: int = 0
    in_flight: int = 0
    twice: int = 0
    made_again: int = 0
    ephemeral_left: int = 0
    partial: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    litter: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Everything that violates a guarantee."""
        return self.partial + self.lost + self.orphans + self.litter + self.needless + self.unrecorded + self.wrong

    def __str__(self) -> str:
        kills = ", ".join(f"{name}: {count}" for name, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({kills}) of {self.runs} runs, {self.completed} workflows completed, "
            f"{self.looked_at:,} outputs looked at:\n"
            f"{len(self.partial)} partial outputs, {len(self.lost)} lost outputs, {len(self.orphans)} orphans, "
            f"{len(self.litter)} stale locks or temporary files, {len(self.needless)} tasks run for nothing, "
            f"{len(self.unrecorded)} outputs without a record, {len(self.wrong)} other faults,\n"
            f"{self.twice} tasks run twice of at most {self.in_flight} in flight; {self.made_again} "
            f"ephemeral outputs made again, {self.ephemeral_left} left behind"
        )


class Ledger:
    """Watches one directory, from one engine to the next.

    Args:
        storage: the directory of the outputs.
        log: the file in which tasks log that they begin.
        expected: the bytes of every output, by key.
        tally: counts the findings.
    """

    def __init__(self, storage: Path, log: Path, expected: dict[str, bytes], tally: Tally):
        self._storage = storage
        self._log = log
        self._expected = expected
        self._tally = tally
        self._read = 0  # bytes of the log
        self._engine = 0
        self._started: dict[str, Start] = {}  # by task, the last time
        self._since: dict[str, Start] = {}  # the same, since the engine began
        self._latest: dict[int, str] = {}  # by process, the task that began last
        self._may_run_again: set[str] = set()
        self._killed: dict[int, int] = {}  # worker processes, and how many tasks ran again because of each
        self._ephemeral: set[str] = set()
        self._seen: set[str] = set()  # keys that were visible

    def begin(self, engine: int) -> None:
        """Record that an engine was started, as this process."""
        self._engine = engine
        self._tally.runs += 1

    def note_killed(self, pids: Iterable[int]) -> None:
        """Record that these were killed while the engine goes on: the task of a worker runs again."""
        self._killed.update(dict.fromkeys(pids, 0))

    def look(self) -> tuple[set[str], list[str]]:
        """Read every visible output, while the engine may be at work. Returns their keys, and other files."""
        self._read_log()  # first: what is removed from now on had begun before
        visible: set[str] = set()
        others: list[str] = []
        for key in stored_files(self._storage):
            try:
                data = (self._storage / key).read_bytes()
            except FileNotFoundError:  # removed meanwhile
                continue
            if key not in self._expected:
                if not key.startswith(DIGESTS):
                    others.append(key)
                continue
            visible.add(key)
            if self._expected[key] != data:
                self._tally.partial.append(f"{key} has {len(data)} bytes of {len(self._expected[key])}")
        self._tally.looked_at += len(visible)
        self._tally.lost += self._seen - visible - self._ephemeral
        self._seen |= visible
        return visible, others

    def _check_record(self, visible: set[str]) -> None:
        """Count what is visible and is not in the record, and what the record says wrongly."""
        record = alexflow.open_record(self._storage)
        for key in sorted(visible):
            try:
                entry = record.entry(key)
                data = (self._storage / key).read_bytes()
            except NotRecorded:
                self._tally.unrecorded.append(key)
                continue
            except FileNotFoundError:  # ephemeral, and removed
                continue
            digests = {output.key: output.digest for output in entry.outputs}
            known = digests[key]
            if not entry.is_intact or known not in (None, blake2b(data, digest_size=16).hexdigest()):
                self._tally.wrong.append(f"the record of {key} is wrong: {entry}")

    def settle(self) -> None:
        """The engine is dead, and all its processes: what was in flight?"""
        visible, others = self.look()
        # the dead engine could not remove this one, which locks nothing any more; the next engine to end does
        self._tally.litter += [key for key in others if key != LEASES and not key.startswith(CHECKS)]
        in_flight = [start for start in self._since.values() if self._is_in_flight(start, visible)]
        for pid, count in Counter(start.pid for start in in_flight).items():
            if count > (IN_ENGINE if pid == self._engine else 1):
                self._tally.wrong.append(f"{count} tasks in flight in process {pid}")
        self._tally.in_flight += len(in_flight)
        self._check_record(visible)
        self._may_run_again.update(start.task_id for start in in_flight)
        self._forget_processes()

    def _is_in_flight(self, start: Start, visible: set[str]) -> bool:
        if start.ephemeral and self._latest[start.pid] != start.task_id:  # published, read and removed
            return False
        return not visible.issuperset(start.keys)

    def conclude(self, after: str) -> None:
        """The engine has come to its end, and another one found what it said: how many ran, how many were found."""
        visible, others = self.look()
        self._tally.litter += [key for key in others if not key.startswith(CHECKS)]
        self._tally.lost += sorted(self._expected.keys() - visible - self._ephemeral)
        self._tally.ephemeral_left += len(visible & self._ephemeral)
        self._tally.completed += 1
        if after != "0 1":
            self._tally.wrong.append(f"a run after the last one ran and found: {after}")
        self._forget_processes()

    def compare(self) -> None:
        """Check that the record is true, as far as it goes."""
        for entry in alexflow.open_record(self._storage).entries():
            if entry.finished is not None and entry.task_id not in self._started:
                self._tally.wrong.append(f"the record says that {entry.task_id} has run, which never began")

    def _forget_processes(self) -> None:
        self._tally.in_flight += len(self._killed)
        self._killed.clear()
        self._since.clear()
        self._latest.clear()

    def _read_log(self) -> None:
        with open(self._log, "rb") as file:
            file.seek(self._read)
            whole_lines, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole_lines + newline)
        for start in starts_in(whole_lines.decode()):
            self._note_start(start)

    def _note_start(self, start: Start) -> None:
        before = self._started.get(start.task_id)
        self._started[start.task_id] = self._since[start.task_id] = start
        self._latest[start.pid] = start.task_id
        if start.ephemeral:
            self._ephemeral.update(start.keys)
        if before is None:
            return
        if start.again:
            self._tally.needless.append(f"{start.task_id} ran again, though it was published")
        elif start.task_id in self._may_run_again:
            self._may_run_again.discard(start.task_id)
            self._tally.twice += 1
        elif self._killed.get(before.pid) == 0:
            self._killed[before.pid] += 1
            self._tally.twice += 1
        elif start.ephemeral:
            self._tally.made_again += 1
        else:
            self._tally.wrong.append(f"{start.task_id} ran again, though it was not in flight")
