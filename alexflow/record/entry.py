"""``Entry``: what the record says of one task that ran and of the outputs that it stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from alexflow.html_repr import html_table, shown, shown_safely

if TYPE_CHECKING:
    from alexflow.model import AbstractTask


class EntryInput(NamedTuple):
    """An output that a task has read.

    Attributes:
        key: its key.
        digest: of the bytes that were there when the task began: BLAKE2b-128, hexadecimal; None if the record has no
            digest of them.
    """

    key: str
    digest: str | None


class EntryOutput(NamedTuple):
    """An output that a task has stored.

    Attributes:
        key: its key.
        bytes: its size; None where the record does not say it.
        digest: of its bytes: BLAKE2b-128, hexadecimal; None where the record does not say it.
    """

    key: str
    bytes: int | None
    digest: str | None


class _Parts(NamedTuple):
    """The parts of an entry that are made when they are first asked for."""

    fields: Callable[[], dict[str, Any]]
    inputs: Callable[[], tuple[EntryInput, ...]]
    reason: Callable[[], str]
    task: Callable[[], AbstractTask]


@dataclass(frozen=True, repr=False)
class Entry:
    """One task that has run: what it was made from, what it stored, when, where, and what it cost.

    A task that was made again has several entries, its generations. Of what is known only after a task has run
    (``started`` and everything below it) nothing is there if the engine was killed before it could write it.

    Attributes:
        key: the output that was asked for, else the task's first; empty for a task without outputs.
        task_id: the task's id.
        cls: its class, ``module.qualname``; in JSON ``class``.
        outputs: what it stored.
        version: the ``version`` of its class.
        code: the digest of the code that it ran, where that was recorded.
        queued: when it had all that it reads, and waited for a place; None where that was not recorded. Attempts before
            the one that succeeded are between that and ``started``.
        started: when it was started.
        finished: when that was over.
        seconds: duration of the attempt that succeeded, measured where it ran; of a dynamic task the time in
            ``generate``, without that of the tasks that it gave: ``started`` is that long before ``finished``.
        cpu_seconds: processor time of that attempt.
        peak_rss_bytes: the highest memory of its worker during the attempt, what it had before included.
        host: the machine.
        python: the version of Python.
        attempts: how many it took.
        run_id: the run that it was for.
        tags: its tags.
        executor: what ran it.
        worker: the process.
        generated: the number of tasks that a dynamic task has generated; None for others.
        environment: the environment of the engine: packages' digest, platform, git commit.
        is_intact: whether the id is the digest of what the record says that it was made from; None for ids of
            alexflow 1.x, which show nothing.
    """

    key: str
    task_id: str
    cls: str
    outputs: tuple[EntryOutput, ...]
    version: str | int | None
    code: str | None
    queued: datetime | None
    started: datetime | None
    finished: datetime | None
    seconds: float | None
    cpu_seconds: float | None
    peak_rss_bytes: int | None
    host: str
    python: str
    attempts: int
    run_id: str
    tags: tuple[str, ...]
    executor: str
    worker: int
    generated: int | None
    environment: dict[str, Any]
    is_intact: bool | None
    _parts: _Parts = field(compare=False)

    def __repr__(self) -> str:
        return f"<Entry {self.key or self.task_id}>"

    @shown_safely
    def _repr_html_(self) -> str:
        fields = [(name, shown(value)) for name, value in self.fields.items()]
        facts = [("started", self.started), ("seconds", self.seconds), ("bytes", self.bytes), ("run", self.run_id)]
        known = [(name, str(value)) for name, value in facts if value not in (None, "")]
        return html_table(self.cls, [("key", self.key or self.task_id), *fields, *known])

    @property
    def fields(self) -> dict[str, Any]:
        """The task's parameters by name, in the notation of documents; those that are None are left out."""
        return self._parts.fields()

    @property
    def inputs(self) -> tuple[EntryInput, ...]:
        """The outputs that it read."""
        return self._parts.inputs()

    @property
    def reason(self) -> str:
        """The cause for which it ran; empty if that is not known.

        ``forced``; ``lost``: it had been made before, and was no longer there, because it was removed, or was ephemeral
        and its readers were done; ``damaged``: it had been, and was moved to the quarantine; ``upstream``: something
        that it reads had to be made in the same run; ``missing``: none of these, it had not been made before.
        """
        return self._parts.reason()

    @property
    def bytes(self) -> int:
        """The bytes that it stored, as far as they are known."""
        return sum(output.bytes or 0 for output in self.outputs)

    def task(self) -> AbstractTask:
        """Return the live task; its class, and those of the tasks behind it, are imported.

        Raises:
            DocumentError: a class cannot be imported, or is not what it was.
            NotRecorded: the record lacks a task behind it.
        """
        return self._parts.task()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data: times are ISO 8601 in UTC, sizes bytes, durations seconds."""
        return {
            "key": self.key,
            "task_id": self.task_id,
            "class": self.cls,
            "fields": self.fields,
            "inputs": [each._asdict() for each in self.inputs],
            "outputs": [each._asdict() for each in self.outputs],
            "version": self.version,
            "code": self.code,
            "queued": iso(self.queued),
            "started": iso(self.started),
            "finished": iso(self.finished),
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "peak_rss_bytes": self.peak_rss_bytes,
            "host": self.host,
            "python": self.python,
            "attempts": self.attempts,
            "run_id": self.run_id,
            "reason": self.reason,
            "tags": list(self.tags),
            "executor": self.executor,
            "worker": self.worker,
            "generated": self.generated,
            "environment": self.environment,
        }


def absence(entry: Entry) -> str:
    """Return what is said of an output of a task that is not there."""
    return "not there" if entry.finished is None else "removed since"


def iso(moment: datetime | None) -> str | None:
    """Return a moment as ISO 8601 in UTC."""
    return None if moment is None else moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(seconds: float) -> datetime:
    """Return the moment so many seconds after 1970 began."""
    return datetime.fromtimestamp(seconds, UTC)
