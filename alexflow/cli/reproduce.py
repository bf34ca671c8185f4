"""``alexflow reproduce KEY``: compute an output again from the record, and compare."""

from __future__ import annotations

import argparse

from alexflow.cli import answers
from alexflow.cli.recorded import record_of, short_id
from alexflow.cli.targets import prefer_modules_here
from alexflow.cli.wrong_use import WrongUse
from alexflow.engine.reproduction import Reproduction, reproduce, reproduce_sample
from alexflow.errors import OutputNotFound


def execute(options: argparse.Namespace) -> int:
    """Reproduce one output, or a sample of them; 1 if any is not equal."""
    if (options.key is None) == (options.sample is None):
        raise WrongUse("reproduce takes a key, or --sample N")
    if options.key is None and options.sample < 1:
        raise WrongUse(f"--sample takes a number of outputs, not {options.sample}")
    record = record_of(options)
    prefer_modules_here()
    settings = {} if options.workers is None else {"workers": options.workers}
    if options.key is None:
        made = list(reproduce_sample(record, options.sample, seed=options.seed, deep=options.deep, **settings))
    else:
        try:
            made = [reproduce(record, options.key, deep=options.deep, **settings)]
        except OutputNotFound as error:
            raise WrongUse(f"{error.key}, an input, is not there any more; --deep computes it again") from None
    equal = all(each.equal for each in made)
    if options.json:
        answers.print_json(made[0].to_json() if options.key is not None else [each.to_json() for each in made])
    elif options.key is not None:
        answers.headline(str(made[0]), good=equal)
        answers.helps_next(f"alexflow explain {short_id(made[0].key)}", options.storage)
    else:
        _print_sample(made, options.storage)
    return 0 if equal else 1


def _print_sample(made: list[Reproduction], storage: str | None) -> None:
    equal = sum(each.equal for each in made)
    answers.headline(f"{equal:,} of {len(made):,} equal", good=equal == len(made))
    for each in made:
        if not each.equal:
            print(each)
    answers.helps_next("alexflow reproduce KEY --deep", storage)
