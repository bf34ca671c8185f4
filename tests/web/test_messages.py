"""Every figure of one message agrees with the others and with the record, whoever says what is under way."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("starlette")

from alexflow import MemoryStorage
from alexflow.record.lines import RunEndedLine
from alexflow.timeline.run_fold import RecordFold, RunFold
from alexflow.timeline.segments import RecordTail
from alexflow.web.messages import ROWS_SENT, RunUnderWay, changes
from tests.kit.effort import examples
from tests.timeline.recorded_runs import RUN, WrittenRun, segment_of, write_segment


def broken_off(seed: int, tasks: int) -> RunFold:
    """A run whose record ends somewhere before the run does."""
    lines = list(WrittenRun(tasks, 5, seed=seed, failing=0.3).lines())
    end = next(at for at, line in enumerate(lines) if isinstance(line, RunEndedLine))
    storage, fold = MemoryStorage(), RecordFold()
    write_segment(storage, segment_of(lines[: random.Random(seed).randrange(5, end)]))
    for section, line in RecordTail(storage).new_lines():
        fold.add(section, line)
    return fold.runs[RUN]


def under_way_of(message: dict[str, Any]) -> int:
    """The number of tasks under way, which the headline, the classes and the list of them have to agree on."""
    tables, left_out = message["tables"], message["left_out"]
    (several,) = re.findall(r"([\d,]+) under way", message["headline"])
    count = int(several.replace(",", ""))
    assert sum(int(row[2].replace(",", "")) for row in tables["classes"]) == count
    assert len(tables["running"]) == min(count, ROWS_SENT)
    assert left_out["running"] == (f"{count - ROWS_SENT:,} more are left out" if count > ROWS_SENT else "")
    return count


@pytest.mark.parametrize("seed", range(examples(6)))
def test_the_headline_and_the_tables_count_alike(seed: int) -> None:
    run = broken_off(seed, 60 if seed % 2 else 1_500)
    message = changes(run, (), None)
    assert under_way_of(message) == len(run.under_way())
    done = sum(int(row[1].replace(",", "")) for row in message["tables"]["classes"])
    assert message["headline"].startswith(f"goes on: {done:,} done, ")
    failures = len(message["tables"]["failures"])
    assert failures == min(run.failed_attempts, ROWS_SENT)
    assert message["left_out"]["failures"].partition(" ")[0] == (
        f"{run.failed_attempts - ROWS_SENT:,}" if run.failed_attempts > ROWS_SENT else ""
    )


@pytest.mark.parametrize("seed", range(examples(6)))
def test_an_engine_that_is_asked_has_the_word_for_headline_and_tables(seed: int) -> None:
    run, chance = broken_off(seed, 600), random.Random(seed)
    running = Counter(chance.choices(list(run.costs) or ["made.up.Class0"], k=chance.choice([0, 3, 250])))
    attempts = [[f"Class0.{number}", "", ""] for number in range(min(running.total(), ROWS_SENT))]
    message = changes(run, (), RunUnderWay(Counter(running), dict(running), attempts, []))
    assert under_way_of(message) == running.total()
