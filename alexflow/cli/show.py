"""``alexflow show KEY``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from alexflow.cli import answers
from alexflow.cli.recorded import one_line, record_of, when
from alexflow.errors import NotRecorded
from alexflow.progress.text import duration
from alexflow.record import Entry, Record
from alexflow.record.entry import absence
from alexflow.record.fields import source_digests
from alexflow.record.leaves import leaves

#: The reasons in the record, in words.
_BECAUSE = {
    "missing": "its output was not there",
    "forced": "it was forced",
    "lost": "its output was gone when it was read",
    "damaged": "its output was damaged",
    "upstream": "what it reads was made in the same run",
}

#: Inputs that are listed, of thousands.
_MOST_READ = 20

#: Characters of a value that are shown.
_LONGEST_VALUE = 400


def execute(options: argparse.Namespace) -> int:
    """Print what is known of an output: the newest entry, and when there were others."""
    record = record_of(options)
    try:
        entry, *earlier = record.generations(options.key)
    except NotRecorded as error:
        if _is_stored(record, options.key):
            return _show_stored(record, options)
        from alexflow.cli.failures import print_failure  # deferred: few tasks have only failed

        return print_failure(record, options.key, options, error)
    present = record.storage.exists_many([output.key for output in entry.outputs])
    if options.json:
        data = entry.to_json() | {"present": sorted(present)}
        answers.print_json(data | {"generations": [each.to_json() for each in earlier]})
        return 0
    answers.headline(_headline(entry))
    width = max(len(name) for name, _ in _lines(entry, present))
    for name, text in _lines(entry, present):
        print(f"{name:<{width}}  {text}".rstrip())
    for each in earlier:
        print(f"{'earlier':<{width}}  {when(each.finished) or 'not finished'}, for run {each.run_id}")
    answers.helps_next(f"alexflow explain {options.key}", options.storage)
    return 0


def _headline(entry: Entry) -> str:
    name = entry.key or entry.task_id
    if entry.finished is None:
        return f"{name}: begun, and not recorded as done"
    took = "" if entry.seconds is None else f" in {duration(entry.seconds)}"
    return f"{name}: made {when(entry.finished)} UTC{took}"


def _lines(entry: Entry, present: set[str]) -> Iterator[tuple[str, str]]:
    yield "class", entry.cls + (f", version {entry.version}" if entry.version is not None else "")
    yield "task", entry.task_id
    for path, value in leaves(entry.fields):
        yield "field", f"{path} = {one_line(value, _LONGEST_VALUE, 'characters, which --json has')}"
    for digest in source_digests(entry.fields)[:_MOST_READ]:
        yield "read", f"a source, {digest[:12]}"
    for read in entry.inputs[:_MOST_READ]:
        yield "read", f"{read.key}{_digest(read.digest)}"
    if len(entry.inputs) > _MOST_READ:
        yield "read", f"… and {len(entry.inputs) - _MOST_READ:,} more, which --json lists"
    for output in entry.outputs:
        size = "" if output.bytes is None else f", {answers.size(output.bytes)}"
        absent = "" if output.key in present else f", {absence(entry)}"
        yield "output" if absent else "stored", f"{output.key}{size}{_digest(output.digest)}{absent}"
    yield from _circumstances(entry)


def _circumstances(entry: Entry) -> Iterator[tuple[str, str]]:
    if entry.seconds is not None:
        cpu = "" if entry.cpu_seconds is None else f", {duration(entry.cpu_seconds)} of CPU"
        memory = "" if entry.peak_rss_bytes is None else f", {answers.size(entry.peak_rss_bytes)} at most"
        yield "took", f"{duration(entry.seconds)}{cpu}{memory}{_attempts(entry.attempts)}"
    if entry.queued is not None and entry.started is not None:
        waited = max(0.0, (entry.started - entry.queued).total_seconds())
        yield "waited", f"{duration(waited)} for a place{', attempts that failed included' * (entry.attempts > 1)}"
    if entry.reason:
        yield "because", _BECAUSE.get(entry.reason, entry.reason)
    yield "run", entry.run_id
    worker = f", process {entry.worker}" if entry.worker else ""
    executor = f", executor {entry.executor}" if entry.executor else ""
    yield "where", f"{entry.host}{worker}{executor}"
    yield (
        "python",
        ", ".join([entry.python, *(f"{name} {value}" for name, value in entry.environment.items() if value)]),
    )
    if entry.tags:
        yield "tags", ", ".join(entry.tags)
    if entry.code is not None:
        yield "code", entry.code
    if entry.is_intact is False:
        yield "warning", "the id is not the digest of what the record says; the record was changed"


def _attempts(count: int) -> str:
    return f", attempt {count}" if count > 1 else ""


def _digest(digest: str | None) -> str:
    return f", {digest[:12]}" if digest else ""


def _show_stored(record: Record, options: argparse.Namespace) -> int:
    """Print what is left to say of an output without a record: its bytes."""
    examined = record.storage.examine(options.key, quarantine=False)
    size = None if examined.actual is None else examined.actual.size
    digest = None if examined.actual is None else examined.actual.value
    if options.json:
        stored = [{"key": options.key, "bytes": size, "digest": digest}]
        answers.print_json({"key": options.key, "recorded": False, "outputs": stored})
        return 0
    answers.headline(f"{options.key}: stored, and not recorded")
    print(f"stored  {'' if size is None else answers.size(size)}{_digest(digest)}, {examined.verdict}")
    print("An earlier version of alexflow, or another program, has stored it; what made it is not known here.")
    return 0


def _is_stored(record: Record, key: str) -> bool:
    from alexflow.errors import InvalidKey  # deferred: only here

    try:
        return bool(record.storage.exists_many([key]))
    except InvalidKey:
        return False
