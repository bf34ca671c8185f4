"""Tasks that have failed, and never succeeded: the record of outputs has nothing of them, that of runs has."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NamedTuple

from alexflow.cli import answers
from alexflow.cli.recorded import fields_in_line, means, one_line, record_of, short_id, when
from alexflow.errors import AmbiguousKey, NotRecorded
from alexflow.record import Record, Run, RunAttempt
from alexflow.record.run_record import shell_line
from alexflow.report.cards import digest_of
from alexflow.report.details import field_texts

#: Candidates that a message names.
_MOST_NAMED = 10

#: Characters of the fields of each.
_LONGEST_FIELDS = 100

#: Characters of an error that are shown; the log of its run has all.
_LONGEST_ERROR = 1_000


class LastFailure(NamedTuple):
    """The attempts of a task that failed in the last run in which any did, the first one first."""

    run: Run
    attempts: Sequence[RunAttempt]

    @property
    def task_id(self) -> str:
        """The task."""
        return self.attempts[-1].task_id

    def __str__(self) -> str:
        last = self.attempts[-1]
        end = f"failed {when(last.at)} UTC, " + ("given up" if last.is_last else "and was tried again")
        return f"{short_id(last.task_id)} {end} after attempt {last.attempt}"

    @property
    def error(self) -> str:
        """The last error, in one line."""
        return one_line(self.attempts[-1].error, _LONGEST_ERROR)

    @property
    def command(self) -> str:
        """The command that runs its program again; empty where the record has none."""
        return one_line(shell_line(self.run.command, self.run.directory))


def last_failure(record: Record, key: str) -> LastFailure | None:
    """Return the last failure of the task that is meant by its id, a key, or how they begin; None if it has none.

    Raises:
        AmbiguousKey: the beginning fits several tasks that failed.
    """
    found: dict[str, LastFailure] = {}
    for run in record.runs():
        for task_id in dict.fromkeys(each.task_id for each in run.attempts if means(key, each.task_id)):
            attempts = [each for each in run.attempts if each.task_id == task_id]
            found.setdefault(task_id, LastFailure(run, attempts))
    if len(found) > 1:
        raise AmbiguousKey(key, sorted(found)[:_MOST_NAMED], len(found) > _MOST_NAMED)
    return next(iter(found.values()), None)


def print_failure(record: Record, key: str, options: argparse.Namespace, not_recorded: NotRecorded) -> int:
    """Answer with the last failure of a task that the record of outputs does not have.

    Raises:
        NotRecorded: ``not_recorded``; it has not failed, or several are meant.
    """
    failure = None if isinstance(not_recorded, AmbiguousKey) else last_failure(record, key)
    if failure is None:
        raise not_recorded  # which is completed where it is answered for
    if options.json:
        attempts = [each.to_json() for each in failure.attempts]
        answers.print_json(
            {"task_id": failure.task_id, "recorded": False, "run_id": failure.run.id, "failed": attempts}
        )
        return 0
    answers.headline(f"{failure}; it has never succeeded", good=False)
    digest = digest_of(failure.task_id)
    fields = field_texts(record.storage, failure.run.id, {digest}).get(digest, "")
    lines = [
        ("task", failure.task_id),
        ("fields", one_line(fields)),
        ("error", one_line(failure.error)),
        ("run", failure.run.id),
    ]
    for name, text in [*lines, ("again", failure.command)]:
        print(f"{name:<6}  {text}".rstrip())
    answers.helps_next(f"alexflow log {failure.run.id}", options.storage)
    return 0


def name_failure(error: LookupError, options: argparse.Namespace) -> LookupError:
    """Return the error for a task that the record does not have with how it failed, if it has; others as they are.

    A task that is named where a run belongs has its run named, and of several that may be meant each has its fields.
    """
    if isinstance(error, AmbiguousKey):
        return _with_fields(error, record_of(options))
    if not isinstance(error, NotRecorded):
        return error
    if not error.name:
        return _run_of_task(error, options)
    record = record_of(options)
    failure = last_failure(record, error.name)
    if failure is None:
        return _skipped(record, error.name) or error
    again = f"; run its program again: {failure.command}" if failure.command else ""
    return NotRecorded(f"{failure}, and has never succeeded: {failure.error}{again}")


def _with_fields(error: AmbiguousKey, record: Record) -> NotRecorded:
    first, *_ = str(error).splitlines()
    lines = [first]
    for name in error.candidates:
        try:
            fields = f"  {one_line(fields_in_line(record.entry(name)), _LONGEST_FIELDS)}"
        except NotRecorded:  # it has only failed
            fields = ""
        lines.append(f"{name}{fields}".rstrip())
    return NotRecorded("\n  ".join(lines + str(error).splitlines()[len(error.candidates) + 1 :]))


def _run_of_task(error: NotRecorded, options: argparse.Namespace) -> NotRecorded:
    text, record = getattr(options, "run", None), record_of(options)
    if text is None:
        return error
    try:
        entry = record.entry(text)
    except NotRecorded:
        failure = last_failure(record, text)
        task_id, run_id = ("", "") if failure is None else (failure.task_id, failure.run.id)
    else:
        task_id, run_id = entry.task_id, entry.run_id
    return NotRecorded(f"{error}; {short_id(task_id)} is a task, of the run {run_id}") if run_id else error


def _skipped(record: Record, key: str) -> NotRecorded | None:
    """Return the error for a task that no run has begun, as what it needs failed; None if no run has skipped it."""
    for run in record.runs():
        task_id = next((each for each in run.skipped_tasks if means(key, each)), None)
        if task_id is not None:
            text = f"{short_id(task_id)} has not run: what it needs failed in the run {run.id}"
            return NotRecorded(f"{text}; alexflow log {run.id} says what")
    return None
