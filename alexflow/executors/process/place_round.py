"""One look through the jobs that are ready for worker processes, where some of them claim something."""

from __future__ import annotations

import math
from collections import deque

from alexflow.executors.admission import Round
from alexflow.executors.capacity import Binding, Claim
from alexflow.executors.interface import Job
from alexflow.executors.process.claims import Claims
from alexflow.executors.process.instructions import RetirePlace, StartPlaces
from alexflow.executors.process.places import Place
from alexflow.executors.process.runtime_estimates import SAMPLE
from alexflow.executors.process.sites import Site
from alexflow.model.resource_spec import Needs

#: The place to which a job goes, the seconds for which it is expected there, and its claim.
Destination = tuple[Place, float, Claim | None]


class PlaceRound(Round):
    """One look through the jobs that are ready for worker processes, for the places of one machine.

    Args:
        claims: decides.
        site: the machine.

    Attributes:
        planned: where jobs go, in their order.
    """

    def __init__(self, claims: Claims, site: Site):
        super().__init__(site.capacity, site.claimant, claims.source)
        self._claims = claims
        self._site = site
        self._is_timed = site.time_left() < math.inf
        self._roster = site.roster
        self.planned: list[Destination] = []
        self._unplaced: list[Claim] = []  # of jobs for which there is no place yet
        places = [place for place in site.roster.places if place.takes_jobs and place.claim is None]
        self._idle = deque(place for place in places if not place.sent)
        short = [place for place in places if place.sent and place.expected <= claims.estimates.prefetch / 2]
        self._short = deque(sorted(short, key=lambda place: place.expected))
        self._bound = [place for place in site.roster.bound if place.takes_jobs and not place.sent]
        self._fair_share, self._prefetch = 0.0, claims.estimates.prefetch
        if self._idle or self._short:
            loads = [place.expected for place in (*self._idle, *self._short)]
            first = claims.source.keys(SAMPLE)
            self._fair_share = claims.estimates.fair_share(first, claims.share_of(site), loads)
        self._filling: Place | None = None  # gets jobs that ask for nothing
        self._load = 0.0
        self._room = 0
        self._is_first = False

    def fits(self, job: Job) -> bool | None:
        if self._claims.is_unknown(job, is_timed=self._is_timed):
            return self.passes(job)
        if self._is_timed and not self._claims.has_time(self._site, job):
            return self.passes(job)
        return super().fits(job)

    def needs_of(self, job: Job) -> Needs | None:
        return self._claims.needs_of(job, self.capacity)

    def end(self) -> None:
        """End it, when the jobs are at their places."""
        for claim in self._unplaced:
            claim.release()
        self._site.begun = self._site.begun_ordinary = 0

    # -- jobs that ask for nothing

    def place(self, job: Job) -> bool:
        seconds = self._claims.estimates.expect(job.key)
        while not self._has_room(seconds):
            if not self._fill_next():
                return False
        if self._is_first:
            self._site.begun += 1
            self._site.begun_ordinary += 1
            self._is_first = False
        self._load += seconds
        self._room -= 1
        assert self._filling is not None  # for type checkers
        self.planned.append((self._filling, seconds, None))
        return True

    def _has_room(self, seconds: float) -> bool:
        if self._filling is None or not self._room:
            return False
        if not self.capacity.admits_ordinary(self.claimant, begins=self._is_first):
            return False
        return self._is_first or (self._load < self._fair_share and self._load + seconds <= self._prefetch)

    def _fill_next(self) -> bool:
        """Take the next place; ask for one if there is room."""
        begins = self.capacity.admits_ordinary(self.claimant, begins=True)
        place = self._idle.popleft() if self._idle and begins else None
        if place is None and self._short:
            place = self._short.popleft()
        if place is None:
            if begins and not self._idle:
                self._start(len(self._claims.source))
            return False
        self._filling, self._load, self._is_first = place, place.expected, not place.sent
        self._room = place.last_number - place.number
        return True

    # -- jobs that claim

    def place_claiming(self, job: Job, needs: Needs) -> bool:
        claim = self._claims.claim(self._site, job, needs, [place.binding for place in self._bound])
        if claim is None:
            return False
        place = self._bound_place(claim) if claim.binding else self._idle_place()
        if place is None:
            self._unplaced.append(claim)
            return False
        self.capacity.started(self.claimant, job.task_id, claim)
        self._site.begun += 1
        self.planned.append((place, self._prefetch, claim))
        return True

    def _idle_place(self) -> Place | None:
        if self._filling is not None and self._is_first:  # no job has been planned for it
            place, self._filling = self._filling, None
            return place
        if self._idle:
            return self._idle.popleft()
        self._start(1)
        return None

    def _bound_place(self, claim: Claim) -> Place | None:
        """The idle place that is bound to these devices, once no other holds anything of them."""
        place = next((place for place in self._bound if place.binding == claim.binding), None)
        if self._ends_others(claim, place):
            return None
        if place is None:
            self._start(1, claim.binding)
        else:
            self._bound.remove(place)
        return place

    def _ends_others(self, claim: Claim, chosen: Place | None) -> bool:
        """End idle places that hold something of these devices. Return whether there are any, or some are ending."""
        roster = self._roster
        for place in list(self._bound):
            other = place.binding != claim.binding or claim.is_whole
            if place is not chosen and other and _overlap(place.binding, claim.binding):
                self._bound.remove(place)
                self._claims.roster.leave(place)
                self._claims.instruct(RetirePlace(place))
        return any(_overlap(place.binding, claim.binding) and place.claim is None for place in roster.leaving)

    def _start(self, count: int, binding: Binding = ()) -> None:
        roster = self._roster
        if not self._claims.may_start or binding in roster.coming:
            return
        if binding:
            roster.coming.append(binding)
        else:
            count = roster.request(count)
        if count:
            self._claims.instruct(StartPlaces(count, binding, self._claims.home_of(self._site)))


def _overlap(one: Binding, other: Binding) -> bool:
    devices = dict(other)
    return any(device in devices.get(kind, ()) for kind, mine in one for device in mine)
