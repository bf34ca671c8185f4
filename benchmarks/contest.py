"""Rounds: in each of them all contestants of a case are measured, one after the other, in a fresh directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestant import (
    ALEXFLOW,
    HANDMADE,
    LIMIT,
    Answer,
    Contestant,
    Crashed,
    Question,
    Unfit,
    Wrong,
    warm,
)
from benchmarks.measure import Place, Sample
from benchmarks.outcome import Row

Measure = Callable[[Path], float]


@dataclass(frozen=True)
class Setting:
    """The way to measure.

    Attributes:
        rounds: how often.
        memory: where to store on tmpfs.
        disk: where to store on a disk.
        peers: contestants beside alexflow, the limit and the handmade one.
        scale: what all sizes are multiplied by; the bars are meant for 1.
        limit: seconds after which a contestant is stopped.
    """

    rounds: int
    memory: Place
    disk: Place
    peers: tuple[Contestant, ...] = ()
    scale: float = 1.0
    limit: float = 60.0

    def size(self, full: int) -> int:
        """A size, scaled."""
        return max(round(full * self.scale), 2)

    def rounds_at_least(self, few: int) -> int:
        """More rounds, for what is over in no time; as many as asked for in a trial at another scale."""
        return max(self.rounds, few) if self.scale == 1 else self.rounds

    def everybody(
        self,
        question: Question,
        figure: Callable[[Answer], float],
        *,
        alexflow: Contestant = ALEXFLOW,
        besides: Iterable[Contestant] = (LIMIT, HANDMADE),
    ) -> dict[str, Measure]:
        """Alexflow, the limit, what is handmade and the peers, all asked the same."""
        return {
            contestant.name: contestant.measure(question, figure, self.limit)
            for contestant in (alexflow, *besides, *self.peers)
        }

    def both_warm(self, question: Question, figure: Callable[[Answer], float]) -> dict[str, Measure]:
        """Alexflow and what is handmade with their workers there before the time begins."""
        return {them.name: self.one(them, question, figure) for them in (warm(ALEXFLOW), warm(HANDMADE))}

    def one(self, contestant: Contestant, question: Question, figure: Callable[[Answer], float]) -> Measure:
        """One contestant, asked something of its own."""
        return contestant.measure(question, figure, self.limit)


class Aside:
    """A second figure of the same runs, for a row of its own.

    Args:
        figure: what else is taken from each answer.
    """

    def __init__(self, figure: Callable[[Answer], float]):
        self._figure = figure
        self._values: list[float] = []

    def of(self, figure: Callable[[Answer], float]) -> Callable[[Answer], float]:
        """The first figure, with which the second is noted."""

        def both(answer: Answer) -> float:
            self._values.append(self._figure(answer))
            return figure(answer)

        return both

    def insert(self, rows: dict[str, Row], contestant: str, name: str) -> dict[str, Row]:
        """The rows, and after the one that these figures belong to, if it has any, one of them."""
        row = Row(name, Sample(tuple(self._values)))
        found: dict[str, Row] = {}
        for other, one in rows.items():
            found[other] = one
            if other == contestant and one.sample is not None:
                found[name] = row
        return found


def without_figure(name: str, unfit: Unfit) -> Row:
    """The row of a contestant that failed. Others may crash; alexflow may not, and none may be wrong."""
    itself = name.partition(",")[0] == ALEXFLOW.name
    broken = isinstance(unfit, Wrong) or (itself and isinstance(unfit, Crashed))
    return Row(name, None, str(unfit), broken, unfit.in_short or str(unfit))


def contest(rounds: int, place: Place, measures: dict[str, Measure]) -> dict[str, Row]:
    """Measure all contestants in turn, the other way round in every second round; one that fails is out."""
    values: dict[str, list[float]] = {name: [] for name in measures}
    out: dict[str, Row] = {}
    for number in range(rounds):
        names = [name for name in measures if name not in out]
        for name in reversed(names) if number % 2 else names:
            try:
                with place.fresh() as directory:
                    values[name].append(measures[name](directory))
            except Unfit as unfit:
                out[name] = without_figure(name, unfit)
    return {name: out.get(name) or Row(name, Sample(tuple(values[name]))) for name in measures}
