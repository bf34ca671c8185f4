"""The rows of a table of workers: one for each lane of those, and one for all lanes of an event loop.

An event loop has a lane for each task that it runs at the same time: of thousands no table can be read.
"""

from __future__ import annotations

from typing import NamedTuple

from alexflow.timeline.holders import is_bounded
from alexflow.timeline.lanes import Lane
from alexflow.timeline.run_fold import RunFold


class PlaceRow(NamedTuple):
    """A worker, a thread, or an event loop with all of its lanes.

    Attributes:
        name: the place, with a number where it has several rows.
        is_bounded: whether it runs one task at a time.
        tasks: how many it ran.
        busy: microseconds, of all of its tasks.
        cpu: microseconds of processor time, as far as it is known.
        rss: the highest memory, in bytes.
        begun: the start of its first task, in microseconds.
        end: of its last task.
    """

    name: str
    is_bounded: bool
    tasks: int
    busy: int
    cpu: int
    rss: int
    begun: int
    end: int

    def busy_text(self, whole: int) -> str:
        """Return how busy it was in so many microseconds: a share, or how many tasks it ran at once on average."""
        share = self.busy / max(1, whole)
        return f"{share:.0%}" if self.is_bounded else f"{share:.1f} at once"


def place_rows(run: RunFold) -> list[PlaceRow]:
    """Return the rows in the order of the lanes."""
    numbers: dict[int, int] = {}
    groups: dict[tuple[int, int], list[Lane]] = {}
    for lane in run.timeline.ordered_lanes():
        number = 0
        if is_bounded(run, lane):
            number = numbers[lane.place] = numbers.get(lane.place, 0) + 1
        groups.setdefault((lane.place, number), []).append(lane)
    return [
        PlaceRow(
            run.timeline.places[place] if number <= 1 else f"{run.timeline.places[place]} ({number})",
            number > 0,
            sum(lane.count for lane in lanes),
            sum(lane.busy for lane in lanes),
            sum(lane.cpu for lane in lanes),
            max(lane.rss for lane in lanes),
            min(lane.begun for lane in lanes),
            max(lane.end for lane in lanes),
        )
        for (place, number), lanes in groups.items()
    ]
