"""Saving a trial in a file (graph, requests, faults, history), and replaying it."""

from __future__ import annotations

import os
from itertools import zip_longest
from pathlib import Path

import msgspec

from tests.simulation.judge import complaints
from tests.simulation.scenario import Scenario
from tests.simulation.trial import play, settled

#: Version of the format.
VERSION = 1


class Saved(msgspec.Struct, frozen=True):
    """The content of the file.

    Attributes:
        version: the version of the format.
        scenario: the graph, the requests and the faults.
        complaints: everything that was wrong.
        history: the lines of the history.
    """

    version: int
    scenario: Scenario
    complaints: list[str]
    history: list[str]


class Replay(msgspec.Struct, frozen=True):
    """The result of a replay.

    Attributes:
        saved: the content of the file.
        complaints: everything that is wrong now.
        history: the lines of the history now.
        deviates_at: the number of the first line that differs, from 1; None if there is none.
    """

    saved: Saved
    complaints: list[str]
    history: list[str]
    deviates_at: int | None

    def __str__(self) -> str:
        return "\n".join([*self._deviation(), *(f"wrong: {complaint}" for complaint in self.complaints or ["nothing"])])

    def _deviation(self) -> list[str]:
        if self.deviates_at is None:
            return [f"the history is the same, all {len(self.history)} lines of it"]
        number = self.deviates_at - 1
        pairs = (("before", self.saved.history), ("now", self.history))
        return [
            f"the history deviates at line {self.deviates_at}",
            *(f"  {when + ':':7} {lines[number] if number < len(lines) else 'it ends here'}" for when, lines in pairs),
        ]


def save(scenario: Scenario, path: str | os.PathLike[str]) -> Saved:
    """Play a scenario, and save it with the faults that happened in place of random ones."""
    trial = play(settled(play(scenario)))
    saved = Saved(VERSION, trial.scenario, complaints(trial), trial.lines)
    Path(path).write_bytes(msgspec.json.format(msgspec.json.encode(saved), indent=1))
    return saved


def replay(path: str | os.PathLike[str]) -> Replay:
    """Play a saved scenario again.

    Raises:
        ValueError: the file is not a saved simulation.
    """
    try:
        saved = msgspec.json.decode(Path(path).read_bytes(), type=Saved)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{os.fspath(path)} is not a saved simulation: {error}") from None
    if saved.version != VERSION:
        raise ValueError(f"{os.fspath(path)} has version {saved.version}; this alexflow reads {VERSION}")
    trial = play(saved.scenario)
    pairs = enumerate(zip_longest(saved.history, trial.lines), 1)
    deviates_at = next((number for number, (then, now) in pairs if then != now), None)
    return Replay(saved, complaints(trial), trial.lines, deviates_at)
