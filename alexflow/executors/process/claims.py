"""Jobs that claim CPUs, memory or devices: which place gets one, and what all others may have meanwhile.

A job with a claim has a place to itself. One that claims devices goes to a place that is *bound* to them: a worker
process sees its devices in the environment with which it began, and keeps the context and the models that it has made
there. So the next job for the same devices goes to the same process. It stays when it is idle, beside as many places as
there may be; but only places with jobs count, so that no more jobs run than there may.

An idle process that is bound to other devices, and shares one with a job that is to begin, is ended first: what it has
in the memory of that device would be missing. The job begins when that process is gone.

*Memory.* As soon as one task has asked for memory, those that do not say how much they need claim what tasks of their
class have needed: the most among the last ones in the record, or in this engine. The record is asked once for each
class, elsewhere, and a job of a new class waits for the answer. Rejected: to look that up for all engines (most have
nothing to share out, and the record of a bucket takes its time); to begin and correct later (the first jobs of a run
are those that begin together).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from alexflow.executors.admission import Round
from alexflow.executors.capacity import Binding, Capacity, Claim, Claimant
from alexflow.executors.interface import Job, JobSource
from alexflow.executors.process.instructions import LookUpPeak, PoolInstruction, RetirePlace, StartPlaces
from alexflow.executors.process.places import Place
from alexflow.executors.process.roster import Roster
from alexflow.executors.process.runtime_estimates import PREFETCH_SECONDS, SAMPLE, RuntimeEstimates
from alexflow.model.resource_spec import Needs

#: A class whose peak is less than such a part of a worker's share of the memory claims none, and travels in batches.
SMALL = 16


class Claims:
    """The pool's part in the capacity of its engine.

    Args:
        capacity: of the engine; None if no job claims anything.
        roster: the places.
        source: the jobs that are ready.
        estimates: how long jobs take.
        instruct: takes instructions.
        wake: called when something has come free elsewhere.

    Attributes:
        may_start: whether places can be started, as far as is known.
        alone: tasks that had too little memory, and run alone.
        peaks: the memory that tasks of a class have needed, by the name with which their ids begin; 0 if it is small.
    """

    def __init__(
        self,
        capacity: Capacity | None,
        roster: Roster,
        source: JobSource,
        estimates: RuntimeEstimates,
        instruct: Callable[[PoolInstruction], None],
        wake: Callable[[], None],
    ):
        self.capacity = capacity
        self.roster = roster
        self.source = source
        self.estimates = estimates
        self.instruct = instruct
        self.may_start = True
        self.alone: set[str] = set()
        self.peaks: dict[str, int] = {}
        self._looked_up: set[str] = set()
        self.begun = 0  # places that get their first job in the round that is under way
        self.begun_ordinary = 0
        self.claimant = Claimant("process", self._is_full, self._ordinary_jobs, wake)
        if capacity is not None:
            capacity.join(self.claimant)

    @property
    def is_active(self) -> bool:
        """Whether any task has asked for something."""
        return self.capacity is not None and self.capacity.is_active

    def changed(self) -> None:
        """Wake other executors: something may have come free."""
        if self.capacity is not None and self.capacity.is_active:
            self.capacity.changed(self.claimant)

    @property
    def total_memory(self) -> int:
        """The bytes of memory that the engine has; 0 if unknown."""
        return 0 if self.capacity is None else self.capacity.supply.memory

    def lacked_memory(self, job: Job, used: int) -> bool:
        """Take in that a job had too little memory. Return whether it may run alone; False if it has done so."""
        if self.capacity is None or job.task_id in self.alone:
            return False
        self.capacity.activate()
        self.capacity.counts_memory = True
        self.alone.add(job.task_id)
        if used:
            name = _class_of(job)
            self.peaks[name] = max(used, self.peaks.get(name, 0))
        return True

    @property
    def counts_memory(self) -> bool:
        """Whether memory is claimed."""
        return self.capacity is not None and self.capacity.counts_memory

    def learnt_peak(self, name: str, peak: int) -> None:
        """Take in how much memory a task of a class has needed, in bytes; 0 if that is not known."""
        is_small = peak * SMALL * self.roster.size < self.total_memory
        self.peaks[name] = max(0 if is_small else peak, self.peaks.get(name, 0))

    def has_used(self, job: Job, rss: int) -> None:
        """Take in the peak memory of a job, in bytes."""
        if rss > self.peaks.get(_class_of(job), 0):
            self.learnt_peak(_class_of(job), rss)

    def needs_of(self, job: Job) -> Needs | None:
        """Return what a job needs: what it asks for, and the memory that others of its class have needed."""
        needs = job.needs
        if self.capacity is None or not self.capacity.counts_memory:
            return needs
        if job.task_id in self.alone:
            return self.capacity.everything(needs)
        peak = 0 if needs is not None and needs.memory else min(self.peaks.get(_class_of(job), 0), self.total_memory)
        if not peak:
            return needs
        return Needs(None, peak, ()) if needs is None else needs._replace(memory=peak)

    def has_none(self, job: Job) -> bool:
        """Whether a job claims nothing, and nothing is being looked up for it."""
        if self.capacity is None or not self.capacity.counts_memory:
            return job.needs is None
        return self.needs_of(job) is None and not self.is_unknown(job)

    def is_unknown(self, job: Job) -> bool:
        """Whether the memory that a job needs is being looked up; ask for it if nothing is known of its class."""
        if not self.counts_memory or (job.needs is not None and job.needs.memory) or job.task_id in self.alone:
            return False
        name = _class_of(job)
        if name in self.peaks:
            return False
        if name not in self._looked_up:
            self._looked_up.add(name)
            self.instruct(LookUpPeak(name, job.task))
        return True

    def round(self) -> PlaceRound:
        """Begin to look through the jobs."""
        assert self.capacity is not None  # for type checkers: else nothing is active
        return PlaceRound(self, self.capacity)

    def _ordinary_jobs(self) -> int:
        return self.begun_ordinary + sum(1 for place in self._occupied() if place.sent and place.claim is None)

    def _is_full(self) -> bool:
        return self.begun + sum(1 for place in self.roster.all if place.sent) >= self.roster.size

    def _occupied(self) -> list[Place]:
        """The places that use CPUs, those among them that are being ended."""
        return [*self.roster.places, *self.roster.leaving]


def _class_of(job: Job) -> str:
    return job.task_id.rpartition(".")[0]


class Destination(NamedTuple):
    """Where a job goes."""

    place: Place
    seconds: float
    claim: Claim | None


class PlaceRound(Round):
    """One look through the jobs that are ready for worker processes.

    Args:
        claims: decides.
        capacity: of the engine.

    Attributes:
        planned: where jobs go, in their order.
    """

    def __init__(self, claims: Claims, capacity: Capacity):
        super().__init__(capacity, claims.claimant, claims.source)
        self._claims = claims
        self.planned: list[Destination] = []
        self._unplaced: list[Claim] = []  # of jobs for which there is no place yet
        places = [place for place in claims.roster.places if place.takes_jobs and place.claim is None]
        self._idle = deque(place for place in places if not place.sent)
        short = [place for place in places if place.sent and place.expected <= PREFETCH_SECONDS / 2]
        self._short = deque(sorted(short, key=lambda place: place.expected))
        self._bound = [place for place in claims.roster.bound if place.takes_jobs and not place.sent]
        self._fair_share = 0.0
        if self._idle or self._short:
            loads = [place.expected for place in (*self._idle, *self._short)]
            first = claims.source.keys(SAMPLE)
            self._fair_share = claims.estimates.fair_share(first, len(claims.source), loads)
        self._filling: Place | None = None  # gets jobs that ask for nothing
        self._load = 0.0
        self._room = 0
        self._is_first = False

    def fits(self, job: Job) -> bool | None:
        return self.passes(job) if self._claims.is_unknown(job) else super().fits(job)

    def needs_of(self, job: Job) -> Needs | None:
        return self._claims.needs_of(job)

    def end(self) -> None:
        """End it, when the jobs are at their places."""
        for claim in self._unplaced:
            claim.release()
        self._claims.begun = self._claims.begun_ordinary = 0

    # -- jobs that ask for nothing

    def place(self, job: Job) -> bool:
        seconds = self._claims.estimates.expect(job.key)
        while not self._has_room(seconds):
            if not self._fill_next():
                return False
        if self._is_first:
            self._claims.begun += 1
            self._claims.begun_ordinary += 1
            self._is_first = False
        self._load += seconds
        self._room -= 1
        assert self._filling is not None  # for type checkers
        self.planned.append(Destination(self._filling, seconds, None))
        return True

    def _has_room(self, seconds: float) -> bool:
        if self._filling is None or not self._room:
            return False
        if not self.capacity.admits_ordinary(self.claimant, begins=self._is_first):
            return False
        return self._is_first or (self._load < self._fair_share and self._load + seconds <= PREFETCH_SECONDS)

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
        prefer = [place.binding for place in self._bound]
        claim = self.capacity.claim(self.claimant, job.task_id, needs, prefer)
        if claim is None:
            return False
        place = self._bound_place(claim) if claim.binding else self._idle_place()
        if place is None:
            self._unplaced.append(claim)
            return False
        self.capacity.started(self.claimant, job.task_id, claim)
        self._claims.begun += 1
        self.planned.append(Destination(place, PREFETCH_SECONDS, claim))
        return True

    def _idle_place(self) -> Place | None:
        if self._filling is not None and self._is_first:  # nothing has come of it
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
        roster = self._claims.roster
        for place in list(self._bound):
            other = place.binding != claim.binding or claim.is_whole
            if place is not chosen and other and _overlap(place.binding, claim.binding):
                self._bound.remove(place)
                roster.leave(place)
                self._claims.instruct(RetirePlace(place))
        return any(_overlap(place.binding, claim.binding) and place.claim is None for place in roster.leaving)

    def _start(self, count: int, binding: Binding = ()) -> None:
        roster = self._claims.roster
        if not self._claims.may_start or binding in roster.coming:
            return
        if binding:
            roster.coming.append(binding)
        else:
            count = roster.request(count)
        if count:
            self._claims.instruct(StartPlaces(count, binding))


def _overlap(one: Binding, other: Binding) -> bool:
    devices = dict(other)
    return any(device in devices.get(kind, ()) for kind, mine in one for device in mine)
