"""Searching many seeds for one that goes wrong, which is shrunk and saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from tests.simulation.judge import complaints
from tests.simulation.saved import save
from tests.simulation.scenario import random_scenario
from tests.simulation.shrinking import shrink
from tests.simulation.trial import play


class Tally(Struct):
    """Counts over all seeds.

    Attributes:
        seeds: seeds played.
        entries: entries in their histories.
        tasks: attempts at tasks.
        requests: requests, by outcome.
        faults: faults that happened, by kind.
        wrong: complaints, by seed.
        saved: files.
    """

    seeds: int
    entries: int
    tasks: int
    requests: dict[str, int]
    faults: dict[str, int]
    wrong: dict[int, list[str]]
    saved: list[str]

    def __str__(self) -> str:
        lines = [
            f"{self.seeds} seeds, {self.tasks} attempts at tasks, {self.entries} entries",
            f"requests: {_counts(self.requests)}",
            f"faults: {_counts(self.faults)}",
            *(f"seed {seed}: {complaint}" for seed, found in self.wrong.items() for complaint in found),
            *(f"saved: {file}" for file in self.saved),
            f"{len(self.wrong)} seeds went wrong",
        ]
        return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def search(seeds: Iterable[int], directory: Path | None = None) -> Tally:
    """Play seeds.

    Args:
        seeds: the seeds.
        directory: where those that go wrong are saved, made smaller.
    """
    tally = Tally(0, 0, 0, {}, {}, {}, [])
    requests: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for seed in seeds:
        scenario = random_scenario(seed)
        trial = play(scenario)
        found = complaints(trial)
        tally.seeds += 1
        tally.entries += len(trial.lines)
        for phase in (trial.storm, *trial.calm):
            requests.update(outcome.how for outcome in phase.outcomes)
            tally.tasks += sum(entry.what == "begins" for entry in phase.entries)
        faults.update(type(fault).__name__ for fault in trial.happened)
        if found:
            tally.wrong[seed] = found
            if directory is not None:
                directory.mkdir(parents=True, exist_ok=True)
                file = directory / f"seed-{seed}.json"
                save(shrink(scenario), file)
                tally.saved.append(str(file))
    tally.requests, tally.faults = dict(requests), dict(faults)
    return tally
