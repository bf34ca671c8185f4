"""``alexflow explain KEY``, or a target that is not there yet."""

from __future__ import annotations

import argparse

from alexflow.cli import answers
from alexflow.cli.recorded import record_of, short_id
from alexflow.cli.targets import is_live, target_of
from alexflow.cli.wrong_use import WrongUse
from alexflow.errors import NotRecorded
from alexflow.hooks import a_thing
from alexflow.model import AbstractTask, Output
from alexflow.record.change_lines import change_lines
from alexflow.record.explain import Explanation

#: Changes that are printed; the others are counted.
CHANGES_SHOWN = 50


def execute(options: argparse.Namespace) -> int:
    """Print why a task ran, or will run."""
    record = record_of(options)
    if is_live(options.target):
        target = target_of(options)
        if not isinstance(target, (AbstractTask, Output)):
            raise WrongUse(
                f"explain takes one task or output, and {options.target} is {a_thing(type(target).__name__)}; "
                "name one of its tasks by its id (alexflow find, alexflow plan --tasks)"
            )
        found = record.explain(target)
    elif options.fields or options.set:
        raise WrongUse(f"{options.target} has run with the fields that it has; name a class to explain another one")
    else:
        try:
            found = record.explain(options.target)
        except NotRecorded as error:
            from alexflow.cli.failures import print_failure  # deferred: few tasks have only failed

            return print_failure(record, options.target, options, error)
    if options.json:
        answers.print_json(found.to_json())
    else:
        _print(found, options.storage)
    return 0


def _print(found: Explanation, storage: str | None) -> None:
    answers.headline(str(found).splitlines()[0])
    if found.nearest and found.changes:
        print(f"compared with {found.nearest}")
    lines = change_lines(found.changes)
    for line in lines[:CHANGES_SHOWN]:
        print(f"  {line}")
    if len(lines) > CHANGES_SHOWN:
        print(f"  and {len(lines) - CHANGES_SHOWN:,} more; --json has all")
    if found.nearest and not found.changes:
        print("the code that could be seen is the same")
    for mark in found.guessed:
        print(f"guessed: {mark}")
    for change in found.since:
        print(f"since then {change}")
    if found.since:
        print("results stay valid when code is edited; --force, --force-class or another version makes them again")
    if found.nearest or found.has_run:
        answers.helps_next(f"alexflow show {short_id(found.nearest or found.task_id)}", storage)
