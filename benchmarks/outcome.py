"""The outcome of a case: a row for each contestant, and the bars that alexflow is to reach."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.measure import Sample


@dataclass(frozen=True)
class Row:
    """One contestant's figures, or why it has none.

    Attributes:
        name: the contestant's name.
        sample: what was measured, in the unit of the outcome.
        trouble: why there is none.
        broken: whether that is an error: a wrong result, or a crash of alexflow itself.
        in_short: why there is none, in a word or two.
    """

    name: str
    sample: Sample | None
    trouble: str | None = None
    broken: bool = False
    in_short: str = ""


@dataclass(frozen=True)
class Bar:
    """A bound that is to be kept.

    Attributes:
        text: as a person would say it.
        sample: the quantity it is about, round by round; None if it could not be measured.
        limit: what its median is not to exceed, or, with ``at_least``, to reach.
        beside: whether it is only shown beside the bars, for comparison, and does not count.
    """

    text: str
    sample: Sample | None
    limit: float
    at_least: bool = False
    beside: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        if self.sample is None:
            return False
        value = self.sample.median
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass
class Outcome:
    """A case that has been measured.

    Attributes:
        title: what was done, in a few words.
        unit: of all rows.
        rows: by name, alexflow's first.
        bars: what alexflow is to reach.
        skipped: why nothing was measured, if so.
    """

    title: str
    unit: str
    rows: dict[str, Row] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    skipped: str | None = None

    def sample(self, name: str) -> Sample | None:
        """Return the measurements of one."""
        row = self.rows.get(name)
        return row.sample if row is not None else None

    def ratio(self, mine: str, theirs: str) -> Sample | None:
        """Divide the measurements of one by those of another, round by round."""
        first, second = self.sample(mine), self.sample(theirs)
        return first.over(second) if first is not None and second is not None else None

    def at_most(self, factor: float, name: str, of: str = "alexflow") -> None:
        """Set a bar: ``of`` takes at most so many times what ``name`` does."""
        subject = "" if of == "alexflow" else f"{of} "
        self.bars.append(Bar(f"{subject}≤ {factor:g} × {name}", self.ratio(of, name), factor))

    def at_most_warm(self, factor: float, name: str) -> None:
        """Show beside the bar the ratio where neither contestant has to start anything."""
        ratio = self.ratio("alexflow, warm", f"{name}, warm")
        self.bars.append(Bar(f"both warm: ≤ {factor:g} × {name}", ratio, factor, beside=True))

    def below(self, limit: float, of: str = "alexflow") -> None:
        """Set a bar: ``of`` is at most ``limit``, in the unit of the rows."""
        subject = "" if of == "alexflow" else f"{of} "
        self.bars.append(Bar(f"{subject}≤ {limit:g} {self.unit}", self.sample(of), limit))
