"""``alexflow why KEY``: what a task waits for, as far as the record says; its engine knows more (``Engine.why``)."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from alexflow.cli import answers
from alexflow.cli.places import existing_storage
from alexflow.cli.recorded import means, one_line, short_id, when
from alexflow.errors import AmbiguousKey, NotRecorded
from alexflow.record import Entry, Record
from alexflow.record.entry import moment
from alexflow.record.lines import AttemptLine
from alexflow.storage import Storage
from alexflow.timeline.engine_liveness import engine_is_gone
from alexflow.timeline.run_fold import RecordFold, RunFold
from alexflow.timeline.segments import RecordTail

#: Candidates that a message names.
_MOST_NAMED = 10


class _Found(NamedTuple):
    """The state of a task: a word, a sentence, the run, and the command that helps next."""

    task_id: str
    state: str
    text: str
    run: str
    next: str


class _Begun(NamedTuple):
    """The last run that had begun a task: there it is under way, or has failed for good."""

    run: RunFold
    failure: AttemptLine | None

    @property
    def failed_at(self) -> datetime:
        """The moment of its failure; that of what is under way is yet to come."""
        return datetime.max.replace(tzinfo=UTC) if self.failure is None else _moment_of(self.run, self.failure)


def execute(options: argparse.Namespace) -> int:
    """Print what a task waits for, or why it does not."""
    storage = existing_storage(options)
    found = _found(storage, options.key)
    if options.json:
        answers.print_json({"task_id": found.task_id, "state": found.state, "text": found.text, "run": found.run})
        return 0
    answers.headline(f"{short_id(found.task_id)} {found.text}")
    answers.helps_next(found.next, options.storage)
    return 0


def _found(storage: Storage, key: str) -> _Found:
    fold = RecordFold()
    for section, line in RecordTail(storage).new_lines():
        fold.add(section, line)
    begun: dict[str, _Begun] = {}
    for _, run in sorted(fold.runs.items(), reverse=True):
        for task_id in filter(partial(means, key), run.under_way()):
            begun.setdefault(task_id, _Begun(run, None))
        for line in reversed(run.failures):
            if line.is_last and means(key, line.task_id):
                begun.setdefault(line.task_id, _Begun(run, line))
    made = _made(storage, key, begun)
    meant = sorted(begun.keys() if made is None else begun.keys() | {made.task_id})
    if len(meant) > 1:
        raise AmbiguousKey(key, meant[:_MOST_NAMED], len(meant) > _MOST_NAMED)
    (task_id,) = meant
    found = begun.get(task_id)
    if made is not None and made.finished is not None and (found is None or found.failed_at < made.finished):
        text = f"waits for nothing: it was made {when(made.finished)} UTC"
        return _Found(task_id, "done", text, made.run_id, f"alexflow show {short_id(task_id)}")
    if found is None:
        text = "waits for a run: one had begun it, and ended before it was done"
        return _Found(task_id, "begun", text, "", f"alexflow run {short_id(task_id)}")
    return _failed(found.run, found.failure) if found.failure is not None else _under_way(found.run, task_id)


def _made(storage: Storage, key: str, begun: Mapping[str, _Begun]) -> Entry | None:
    """Return what the record of outputs has, which must be something if no run has begun a task of this key."""
    try:
        return Record(storage).entry(key)
    except AmbiguousKey:
        raise
    except NotRecorded as error:
        if begun:
            return None
        text = f"{error}; what a task waits for that has not begun, its engine says: engine.why(task)"
        unknown = NotRecorded(text)
        unknown.name = key
        raise unknown from None


def _under_way(run: RunFold, task_id: str) -> _Found:
    name, where = run.begun.id, f"process {run.header.pid} on {run.header.host}"
    if engine_is_gone(run):
        text = f"waits for another run: {where}, which had begun it, was killed"
        return _Found(task_id, "killed", text, name, f"alexflow run {short_id(task_id)}")
    tried = [line for line in run.failures if line.task_id == task_id]
    if tried:
        last, at = tried[-1], when(_moment_of(run, tried[-1]))
        failed = f"attempt {last.attempt} failed {at} UTC: {one_line(last.error)}"
        text = f"waits for its next attempt, or is in it: {failed}"
        return _Found(task_id, "retrying", text, name, f"alexflow watch {name}")
    text = f"waits for no input: it runs, or is about to, in {where}"
    return _Found(task_id, "under way", text, name, f"alexflow watch {name}")


def _failed(run: RunFold, line: AttemptLine) -> _Found:
    text = f"waits for nothing: it failed for good after attempt {line.attempt}: {one_line(line.error)}"
    return _Found(line.task_id, "failed", text, run.begun.id, f"alexflow log {run.begun.id}")


def _moment_of(run: RunFold, line: AttemptLine) -> datetime:
    return moment(run.header.started + line.at / 1e6)
