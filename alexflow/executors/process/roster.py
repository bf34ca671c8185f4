"""The places that a pool has: how many there may be, which get jobs, and which are leaving."""

from __future__ import annotations

from operator import attrgetter

from alexflow.executors.capacity import Binding
from alexflow.executors.process.places import Place

#: Consecutive start-up failures before the pool gives up. Places that die together count once.
MAX_START_FAILURES = 3


class Roster:
    """Places come and go.

    Args:
        size: how many places at most, besides those that are leaving.

    Attributes:
        places: those that may get jobs.
        bound: those that are bound to devices, and get the jobs that claim these.
        touched: those of ``places`` that have come, reported or left since jobs were last sent.
        surplus: those of them that are beyond the size: where they are is being taken away, so that others are started
            without waiting for their end.
        coming: the devices of such places that have been requested and are not there yet.
        is_hopeless: whether too many in a row have failed to start, when the last one did.
        leaving: those that get no more and have not ended. While there are more of them than places may be, they are
            not replaced.
        returning: those of them that will go on once there is room.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.places: list[Place] = []
        self.bound: list[Place] = []
        self.touched: list[Place] = []
        self.surplus: set[Place] = set()
        self.coming: list[Binding] = []
        self.leaving: list[Place] = []
        self.returning: list[Place] = []
        self._started = 0  # ever
        self._starting = 0  # requested, and not there yet
        self._start_failures = 0
        self.is_hopeless = False
        self._started_by_then = 0  # how many places had been started when the last failure was counted

    def request(self, jobs: int) -> int:
        """Return how many places to start, so that so many jobs run at once, besides those that are busy."""
        size = min(self.size, 2 * self.size - len(self.leaving))
        there = len(self.places) - len(self.surplus) + self._starting
        if there >= size:
            return 0
        lacking = jobs - self._starting
        for place in self.places:
            if lacking <= 0:  # before all of a thousand have been looked at
                return 0
            if not place.sent and place not in self.surplus:
                lacking -= 1
        missing = max(0, min(size - there, lacking))
        self._starting += missing
        return missing

    def next_ordinal(self) -> int:
        """Count a place that is being started."""
        self._started += 1
        return self._started

    def came(self, place: Place) -> None:
        """Note a place that was started."""
        self.include(place)
        if place.home is not None:
            place.home.include(place)
        if not place.binding:
            self.touched.append(place)

    def include(self, place: Place) -> None:
        """Count a place that was started."""
        if place.binding:
            if place.binding in self.coming:
                self.coming.remove(place.binding)
            self.bound.append(place)
            return
        self._starting = max(0, self._starting - 1)  # 0 if another could not be started
        self.places.append(place)

    @property
    def all(self) -> list[Place]:
        """The places of both kinds."""
        return [*self.places, *self.bound]

    def holding_up(self, priority: int) -> list[Place]:
        """List the places where less urgent jobs wait, those first that have the least work."""
        holding = [p for p in self.places if p.least_urgent < priority and len(p.sent) > 1 and not p.is_revoking]
        return sorted(holding, key=attrgetter("expected"))

    def newcomer_beside(self, place: Place) -> Place | None:
        """Return a place of the same machine that has not reported anything yet; None if there is none."""
        beside = (other for other in self.places if other.home is place.home)
        return next((other for other in beside if not (other.has_reported or other.is_due)), None)

    def cannot_start(self) -> bool:
        """Note that no place can be started now; return whether there is none."""
        self._starting = 0
        self.coming.clear()
        return not (self.places or self.bound)

    def leave(self, place: Place) -> None:
        """Send no more jobs to a place that ends, or has ended."""
        place.is_leaving = True
        self.exclude(place)
        if place.home is not None:
            place.home.exclude(place)
        self.surplus.discard(place)
        self.touched.append(place)

    def exclude(self, place: Place) -> None:
        """Count a place among those that leave."""
        (self.bound if place.binding else self.places).remove(place)
        self.leaving.append(place)

    @property
    def is_full(self) -> bool:
        """Whether there are as many places as there may be, those that are coming among them."""
        return len(self.places) - len(self.surplus) + self._starting >= self.size

    def has_room(self, place: Place) -> bool:
        """Whether a place that is leaving may come back, to its machine, too, if there are several."""
        return bool(place.binding) or not (self.is_full or (place.home is not None and place.home.is_full))

    def take_back(self) -> None:
        """Let places go on that were leaving, as far as there is room."""
        for place in list(self.returning):
            if self.has_room(place):
                self.returning.remove(place)
                place.is_leaving = False
                self.readmit(place)
                if place.home is not None:
                    place.home.readmit(place)
                self.touched.append(place)

    def readmit(self, place: Place) -> None:
        """Count a place no more among those that leave."""
        self.leaving.remove(place)
        (self.bound if place.binding else self.places).append(place)

    def stay_away(self, place: Place) -> None:
        """Let a place not come back that was leaving: it ends."""
        if place in self.returning:
            self.returning.remove(place)

    def left(self, place: Place) -> None:
        """Note that a place has ended: it takes no room any more."""
        self.drop(place)
        if place.home is not None:
            place.home.drop(place)

    def drop(self, place: Place) -> None:
        """Count a place no more."""
        self.leaving.remove(place)
        self.stay_away(place)

    def has_reported(self, place: Place) -> None:
        """Note that a place has reported something: places do start."""
        place.has_reported = True
        self.is_hopeless = False
        self._start_failures = 0

    def failed_to_start(self, place: Place) -> bool:
        """Count a place that died before it had reported anything; return whether that makes too many in a row."""
        if place.ordinal > self._started_by_then:
            self._start_failures += 1
            self._started_by_then = self._started
        self.is_hopeless = self._start_failures > MAX_START_FAILURES
        if self.is_hopeless:
            self._start_failures = 0
        return self.is_hopeless
