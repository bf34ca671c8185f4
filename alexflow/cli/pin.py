"""``alexflow pin [KEY]``: keep an output from ``gc``; without a key, the pins."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from alexflow.cli import answers
from alexflow.cli.recorded import record_of, short_id, when
from alexflow.retention import Pin, pin, pins


def execute(options: argparse.Namespace) -> int:
    """Pin an output or a task, or list what is pinned."""
    record = record_of(options)
    if options.key is None:
        _print_pins(list(pins(record.storage)), options)
        return 0
    stored = record.storage.exists_many([options.key])
    name = options.key if stored else record.resolve(options.key)
    pin(record.storage, name, upstream=options.upstream, comment=options.comment)
    if options.json:
        answers.print_json({"pinned": name, "upstream": options.upstream, "comment": options.comment})
        return 0
    answers.headline(f"pinned {name}{', and all that it was made from' if options.upstream else ''}", good=True)
    answers.helps_next(f"alexflow unpin {short_id(name)}", options.storage)
    return 0


def _print_pins(found: list[Pin], options: argparse.Namespace) -> None:
    moments = [datetime.fromtimestamp(each.pinned, UTC) for each in found]
    if options.json:
        answers.print_json(
            [
                {"key": each.name, "pinned": answers.iso(moment), "upstream": each.upstream, "comment": each.comment}
                for each, moment in zip(found, moments, strict=True)
            ]
        )
        return
    answers.headline(answers.counted(len(found), "pin"))
    answers.print_table(
        ("key", "pinned", "upstream", "comment"),
        [
            (each.name, when(moment), "too" if each.upstream else "", each.comment)
            for each, moment in zip(found, moments, strict=True)
        ],
    )
    answers.helps_next("alexflow pin KEY", options.storage)
