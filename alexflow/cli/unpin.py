"""``alexflow unpin KEY``."""

from __future__ import annotations

import argparse

from alexflow.cli import answers
from alexflow.cli.recorded import record_of
from alexflow.cli.wrong_use import WrongUse, listed
from alexflow.retention import pins, unpin


def execute(options: argparse.Namespace) -> int:
    """Remove a pin."""
    record = record_of(options)
    names = [each.name for each in pins(record.storage)]
    fitting = [name for name in names if name == options.key] or [
        name for name in names if name.startswith(options.key) or f".{options.key}" in name
    ]
    if len(fitting) != 1:
        several = f"fits several pins: {listed(fitting, 3)}" if fitting else "is not pinned"
        raise WrongUse(f"{options.key!r} {several}")
    unpin(record.storage, fitting[0])
    if options.json:
        answers.print_json({"unpinned": fitting[0]})
    else:
        answers.headline(f"unpinned {fitting[0]}", good=True)
        answers.helps_next("alexflow gc", options.storage)
    return 0
