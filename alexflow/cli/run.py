"""``alexflow run TARGET``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from alexflow.cli import answers
from alexflow.cli.recorded import short_id
from alexflow.cli.targets import named, target_and_storage
from alexflow.cli.wrong_use import WrongUse
from alexflow.engine.result import Result
from alexflow.engine.run import run
from alexflow.errors import RunFailed
from alexflow.exit_codes import EXIT_FAILED
from alexflow.model import AbstractTask, Output, Retry, flatten

#: Keys that are printed; the others are counted.
KEYS_SHOWN = 5


def execute(options: argparse.Namespace) -> int:
    """Run the target; print the result, and the keys of its outputs."""
    target, storage = target_and_storage(options)
    settings: dict[str, Any] = {name: getattr(options, name) for name in ("workers", "executor", "timeout")}
    settings = {name: value for name, value in settings.items() if value is not None}
    if options.retries is not None:
        settings["retry"] = Retry(options.retries)
    try:
        result = run(
            target,
            storage=storage,
            force=_forced(options),
            on_error="continue" if options.keep_going else "stop",
            limits=dict(map(_limit, options.limit)),
            progress=False if options.quiet else None,
            echo=not options.quiet and not options.json,
            **settings,
        )
    except RunFailed as failed:
        print(f"alexflow: {failed.report}", file=sys.stderr)
        if not options.json:
            answers.helps_next("alexflow log", options.storage)
        return EXIT_FAILED
    if options.json:
        answers.print_json(_as_data(result))
    else:
        _print(result, options)
    return 0 if result.ok else 1


def _forced(options: argparse.Namespace) -> Any:
    classes = [named(text) for text in options.force_class]
    for text, cls in zip(options.force_class, classes, strict=True):
        if not (isinstance(cls, type) and issubclass(cls, AbstractTask)):
            raise WrongUse(f"--force-class takes a task class, which {text} is not")
    if options.force and classes:
        raise WrongUse("--force is the target itself, --force-class a class in its graph; give one of them")
    return classes or options.force


def _limit(text: str) -> tuple[str, int]:
    tag, _, count = text.partition("=")
    if not tag or not count.isdecimal():
        raise WrongUse(f"--limit takes TAG=N, such as gpu=1, not {text!r}")
    return tag, int(count)


def _outputs(result: Result) -> list[Output[Any]]:
    trees = result.output.values() if isinstance(result.output, dict) else [result.output]
    return [output for tree in trees for output in flatten(tree)]


def _as_data(result: Result) -> dict[str, Any]:
    return {
        "ok": result.ok,
        "ran": result.ran,
        "cached": result.cached,
        "failed": result.failed,
        "skipped": result.skipped,
        "seconds": result.seconds,
        "outputs": [{"key": output.key} for output in _outputs(result)] if result.ok else [],
        "failures": [{"task_id": error.task_id, "error": error.message} for error in result.failures],
    }


def _print(result: Result, options: argparse.Namespace) -> None:
    if options.quiet or not (sys.stdout.isatty() and sys.stderr.isatty()):  # else progress has ended with the same line
        answers.headline(str(result), good=result.ok)
    if not result.ok:
        print(f"alexflow: {result.report}", file=sys.stderr)
        answers.helps_next("alexflow log", options.storage)
        return
    outputs = _outputs(result)
    for output in outputs[:KEYS_SHOWN]:
        print(output.key)
    if len(outputs) > KEYS_SHOWN:
        print(f"and {len(outputs) - KEYS_SHOWN:,} more")
    if outputs:
        answers.helps_next(f"alexflow show {short_id(outputs[0].key)}", options.storage)
