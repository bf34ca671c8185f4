"""``alexflow why KEY``: what a task waits for, as far as the record says; its engine knows more (``Engine.why``)."""

from __future__ import annotations

import argparse
from typing import NamedTuple

from alexflow.cli import answers
from alexflow.cli.places import existing_storage
from alexflow.cli.recorded import short_id, when
from alexflow.errors import NotRecorded
from alexflow.record import Record
from alexflow.record.entry import moment
from alexflow.storage import Storage
from alexflow.timeline.engine_liveness import engine_is_gone
from alexflow.timeline.run_fold import RecordFold, RunFold
from alexflow.timeline.segments import RecordTail


class _Found(NamedTuple):
    """The state of a task: a word, a sentence, the run, and the command that helps next."""

    task_id: str
    state: str
    text: str
    run: str
    next: str


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
    for _, run in sorted(fold.runs.items(), reverse=True):
        found = _under_way(run, key) or _failed(run, key)
        if found is not None:
            return found
    try:
        entry = Record(storage).entry(key)
    except NotRecorded as error:
        text = f"{error}; what a task waits for that has not begun, its engine says: engine.why(task)"
        raise NotRecorded(text) from None
    text = f"waits for nothing: it was made {when(entry.finished)} UTC"
    return _Found(entry.task_id, "done", text, entry.run_id, f"alexflow show {short_id(entry.task_id)}")


def _is(task_id: str, key: str) -> bool:
    return task_id == key or task_id.startswith(key) or f".{key}" in task_id or key.startswith(f"{task_id}.")


def _under_way(run: RunFold, key: str) -> _Found | None:
    task_id = next((each for each in run.under_way() if _is(each, key)), None)
    if task_id is None:
        return None
    name, where = run.begun.id, f"process {run.header.pid} on {run.header.host}"
    if engine_is_gone(run):
        text = f"waits for another run: {where}, which had begun it, was killed"
        return _Found(task_id, "killed", text, name, f"alexflow run {short_id(task_id)}")
    tried = [line for line in run.failures if line.task_id == task_id]
    if tried:
        at = when(moment(run.header.started + tried[-1].at / 1e6))
        text = (
            f"waits for its next attempt, or is in it: attempt {tried[-1].attempt} failed {at} UTC: {tried[-1].error}"
        )
        return _Found(task_id, "retrying", text, name, f"alexflow watch {name}")
    text = f"waits for no input: it runs, or is about to, in {where}"
    return _Found(task_id, "under way", text, name, f"alexflow watch {name}")


def _failed(run: RunFold, key: str) -> _Found | None:
    line = next((line for line in reversed(run.failures) if line.is_last and _is(line.task_id, key)), None)
    if line is None:
        return None
    text = f"waits for nothing: it failed for good after attempt {line.attempt}: {line.error}"
    return _Found(line.task_id, "failed", text, run.begun.id, f"alexflow log {run.begun.id}")
