"""``EarlierRuns``: what tasks of a class took in the runs of a record that began before one, to say what is left of it.

The views of a run have read the lines of all runs of its storage, so nothing more is read for this. Rejected: the mean
of the newest entry of each task, as a plan takes it (the record would be read a second time, of which a run that makes
the same tasks again replaces the entries while it goes on).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from alexflow.timeline.fold import TimelineFold

#: All earlier tasks of a class count together as much as so many of the run's own, so they fade out as these end.
EARLIER_COUNT_AS = 5


class EarlierRuns:
    """The runs that began before one.

    What they say of a class is kept from the first time on that it is asked for.

    Args:
        timelines: gives those of these runs, the newest first.
    """

    def __init__(self, timelines: Callable[[], Iterable[TimelineFold]]):
        self._timelines = timelines
        self._means: dict[str, float | None] = {}
        self._lanes: int | None = None

    def seconds(self, cls: str) -> float | None:
        """Return the mean duration of the tasks of a class that succeeded; None if there was none."""
        if cls not in self._means:
            found = [each for timeline in self._timelines() if (each := timeline.count_of(cls)) is not None]
            ended = sum(each.succeeded for each in found)
            self._means[cls] = sum(each.worked for each in found) / ended / 1e6 if ended else None
        return self._means[cls]

    @property
    def lanes(self) -> int:
        """The most tasks that the newest of them ran at once; 0 if there was none."""
        if self._lanes is None:
            self._lanes = next((len(each.lanes) for each in self._timelines() if each.lanes), 0)
        return self._lanes


def blended(own: float, count: int, earlier: float | None) -> float | None:
    """Return the mean that is expected of the next tasks; None if nothing is known.

    Args:
        own: the mean of the run itself.
        count: of how many tasks that is; 0 for none.
        earlier: the mean of earlier runs, if there is one.
    """
    if earlier is None:
        return own if count else None
    return (own * count + earlier * EARLIER_COUNT_AS) / (count + EARLIER_COUNT_AS)
