"""``alexflow diff A B``: two outputs, two runs, or two storages."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from typing import Literal

from alexflow.cli import answers
from alexflow.cli.places import check_exists, opened
from alexflow.cli.recorded import record_of, short_id
from alexflow.cli.status import goes_on
from alexflow.cli.targets import prefer_modules_here
from alexflow.cli.wrong_use import WrongUse
from alexflow.record import Record, diff_outputs, diff_runs, diff_storages
from alexflow.record.change_lines import change_lines
from alexflow.record.comparison import Comparison

#: Differences that are printed; the others are counted.
DIFFERENCES_SHOWN = 50

_RUN_ID = re.compile(r"\d{8}T\d*(-[0-9a-f]*)?")

Compared = Literal["output", "run", "storage"]

_ARTICLES: dict[Compared, str] = {"output": "an output", "run": "a run", "storage": "a storage"}


def execute(options: argparse.Namespace) -> int:
    """Compare; 1 if they differ."""
    texts = options.first, options.second
    kinds: list[Compared] = [_kind(text) for text in texts]
    if kinds[0] != kinds[1]:
        named = [f"{text} is {_ARTICLES[kind]}" for text, kind in zip(texts, kinds, strict=True)]
        raise WrongUse(f"{', and '.join(named)}; compare two of a kind")
    if options.values and kinds[0] != "output":
        raise WrongUse("--values is for two outputs")
    found = {"output": _outputs, "run": _runs, "storage": _storages}[kinds[0]](options)
    if options.json:
        answers.print_json(found.to_json())
    else:
        _print(found, options, kinds[0])
    return 0 if found.equal else 1


def _kind(text: str) -> Compared:
    if _RUN_ID.fullmatch(text):
        return "run"
    return "storage" if "://" in text or os.path.isdir(text) else "output"


def _outputs(options: argparse.Namespace) -> Comparison:
    record = record_of(options)
    other = record
    if options.other_storage is not None:
        storage = opened(options.other_storage, [])
        check_exists(storage)
        other = Record(storage)
    if options.values:
        prefer_modules_here()
    return diff_outputs(record, options.first, other, options.second, values=options.values)


def _runs(options: argparse.Namespace) -> Comparison:
    record = record_of(options)
    for text in (options.first, options.second):
        run = record.run(text)
        if goes_on(run):
            raise WrongUse(f"the run {run.id} goes on; compare it when it has ended")
    return diff_runs(record, options.first, options.second)


def _storages(options: argparse.Namespace) -> Comparison:
    storages = [opened(text, options.storage_option) for text in (options.first, options.second)]
    for storage in storages:
        check_exists(storage)
    if storages[0] == storages[1]:
        raise WrongUse(f"{options.first} and {options.second} are one storage")
    return diff_storages(*map(Record, storages))


def _print(found: Comparison, options: argparse.Namespace, kind: Compared) -> None:
    if found.equal:
        answers.headline(f"equal: {answers.counted(found.compared, 'output')}", good=True)
    else:
        unknown = sum(each.kind == "unknown" for each in found.differences)
        rest = f", {unknown:,} without a digest to compare" if unknown else ""
        answers.headline(f"{len(found.differences) - unknown:,} of {found.compared:,} outputs differ{rest}", good=False)
    for line in change_lines(found.changes):
        print(f"  {line}")
    for difference in found.differences[:DIFFERENCES_SHOWN]:
        print(f"  {difference}")
    if len(found.differences) > DIFFERENCES_SHOWN:
        print(f"  and {len(found.differences) - DIFFERENCES_SHOWN:,} more; --json has all")
    if kind == "output":
        values = "" if options.values or found.equal else " --values"
        answers.helps_next(
            f"alexflow diff {options.first} {options.second}{values}"
            if values
            else f"alexflow explain {short_id(options.second)}",
            options.storage,
        )
    elif kind == "run":
        answers.helps_next("alexflow runs", options.storage)
    else:
        answers.helps_next(shlex.join(["alexflow", "copy", options.first, options.second]))
