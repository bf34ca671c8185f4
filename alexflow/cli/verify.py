"""``alexflow verify [KEY …]``."""

from __future__ import annotations

import argparse

from alexflow.cli import answers
from alexflow.cli.places import existing_storage
from alexflow.cli.recorded import short_id
from alexflow.record import Record
from alexflow.storage.verification import Examined, Verification


def execute(options: argparse.Namespace) -> int:
    """Verify outputs; 1 if any is damaged, missing or unreadable."""
    storage = existing_storage(options)
    known = Record(storage).digest  # read if the storage lacks one
    found = storage.verify(options.keys or None, prefix=options.prefix, quarantine=options.quarantine, known=known)
    if options.json:
        answers.print_json(_as_data(found))
    else:
        _print(found, options)
    return 0 if found.ok else 1


def _as_data(found: Verification) -> dict[str, object]:
    return {
        "good": found.good,
        "damaged": [{"key": each.key, "verdict": each.verdict, "moved_to": each.moved_to} for each in found.damaged],
        "missing": list(found.missing),
        "unrecorded": found.unrecorded,
        "unreadable": [{"key": each.key, "trouble": each.trouble} for each in found.unreadable],
    }


def _print(found: Verification, options: argparse.Namespace) -> None:
    counts = [(found.good, "good"), (len(found.damaged), "damaged"), (len(found.missing), "missing")]
    more = [(found.unrecorded, "without a digest"), (len(found.unreadable), "unreadable")]
    answers.headline(
        ", ".join(f"{n:,} {word}" for n, word in [*counts, *(pair for pair in more if pair[0])]), good=found.ok
    )
    rows = [(each.verdict, each.key, _detail(each)) for each in (*found.damaged, *found.unreadable)]
    answers.print_table(("verdict", "key", "detail"), [*rows, *(("missing", key, "") for key in found.missing)])
    if found.unrecorded and not found.good:
        print("A copy of files without extended attributes has no digests; `cp -a` and `alexflow copy` keep them.")
    if any(each.moved_to for each in found.damaged):  # what is there counts as not stored
        answers.helps_next("alexflow plan TARGET", options.storage)
    elif found.damaged and options.quarantine:  # by the digest in the record, or where nothing may be moved
        answers.helps_next(f"alexflow run {short_id(found.damaged[0].key)} --force", options.storage)
    else:
        answers.helps_next("alexflow verify" if found.damaged else "alexflow status", options.storage)


def _detail(each: Examined) -> str:
    return each.trouble or (f"moved to {each.moved_to}" if each.moved_to else "left where it is")
