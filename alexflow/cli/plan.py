"""``alexflow plan TARGET``."""

from __future__ import annotations

import argparse
import shlex

from alexflow.cli import answers
from alexflow.cli.targets import target_and_storage
from alexflow.engine.planning import plan
from alexflow.model import AbstractTask, Output
from alexflow.progress.text import duration
from alexflow.record.plan import Plan, headline, rows


def execute(options: argparse.Namespace) -> int:
    """Print the plan."""
    target, storage = target_and_storage(options)
    planned = plan(target, storage=storage, force=options.force)
    if options.json:
        data = planned.to_json()
        if options.tasks:
            for group, found in zip(data["run"], planned.run, strict=True):
                group["tasks"] = list(found.task_ids)
        answers.print_json(data)
        return 0
    _print(planned, options)
    words = shlex.join([options.target, *options.fields, *(word for each in options.set for word in ("--set", each))])
    if planned.run:
        command = f"run {words}{' --force' if options.force else ''}"
    else:
        command = f"{'explain' if isinstance(target, (AbstractTask, Output)) else 'graph'} {words}"
    answers.helps_next(f"alexflow {command}", options.storage)
    return 0


def _print(planned: Plan, options: argparse.Namespace) -> None:
    answers.headline(headline(planned), good=None if planned.run else True)
    if options.tasks:
        for group in planned.run:
            for task_id in group.task_ids:
                print(f"{task_id}  {group.reason}")
        return
    answers.print_table(("tasks", "class", "reason"), rows(planned), right=["tasks"])
    if planned.seconds is not None:
        stored = "" if planned.bytes is None else f", {answers.size(planned.bytes)} stored"
        print(f"expected: {duration(planned.seconds)} of work{stored}, by earlier tasks of these classes")
