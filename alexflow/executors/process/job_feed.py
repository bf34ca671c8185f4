"""The part of the pool's machine that sends jobs to places.

*Batches.* Jobs stay in their source and go to a place shortly before it needs them: as many as it can run in a few
milliseconds, one at a time where they are long or their class is new. The least loaded places receive the most, up to
a fair share. Only places that have come or reported since are looked at, and those that may take more: with a thousand
places, to look at all of them at each report takes 500 µs a job.

*Speculation.* A place that is about to finish a job gets the job that will be ready next, because the first makes all
that the second still lacks: a chain of tasks then needs no round trip to the engine at each link. It runs the second
only if the first has succeeded. What has succeeded so when the first is reported is collected with it, in one turn of
the engine: a turn for each took half of the time of a chain.

*Priority.* A job is not sent behind less urgent ones that wait at a place: one of the places gives those back first
(:meth:`~alexflow.executors.process.machine.PoolMachine.offered`). Until the job has ended, its place gets nothing less
urgent: it would go on with that, on a core that the engine may need in order to take in what the job has made. Places
may be reserved for what is not below 0.

*Claims.* Once a task of the engine has asked for CPUs, memory or devices, each job is looked at
(:mod:`alexflow.executors.process.claims`). Those that ask for nothing still travel in batches, and with successors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from alexflow.executors.capacity import Capacity
from alexflow.executors.interface import Done, Fits, Job, JobSource
from alexflow.executors.process.claims import Claims
from alexflow.executors.process.instructions import PoolInstruction, RevokeJobs, SendJobs
from alexflow.executors.process.place_round import PlaceRound
from alexflow.executors.process.places import NOTHING_SENT, Assignment, Place
from alexflow.executors.process.roster import Roster
from alexflow.executors.process.runtime_estimates import SAMPLE, RuntimeEstimates
from alexflow.executors.process.sites import Site

MAX_JOBS_PER_MESSAGE = 128  # jobs in one message: some millisecond of the event loop


class JobFeed:
    """Sends jobs to places.

    Args:
        size: how many places at most.
        source: the jobs that are ready.
        clock: gives the time in seconds.
        capacity: what jobs may claim; None if none does.
        wake: called when something has come free elsewhere.
        reserve: places that jobs of a priority below 0 never have.

    Attributes:
        roster: the places.
        claims: decides where jobs may claim something.
        instructions: what is to be done.
        assigned: jobs that are at places, and speculative ones that have ended there, by their tasks' ids.
    """

    def __init__(
        self,
        size: int,
        source: JobSource,
        clock: Callable[[], float],
        capacity: Capacity | None,
        wake: Callable[[], None],
        reserve: int = 0,
    ):
        self._reserve = reserve
        self.roster = Roster(size)
        self.instructions: list[PoolInstruction] = []
        self.assigned: dict[str, Assignment] = {}
        self._source = source
        self._clock = clock
        self._estimates = RuntimeEstimates()
        self._idle: dict[Place, None] = {}  # places without jobs; dicts as sets that keep their order
        self._short: dict[Place, None] = {}  # those that will soon be idle
        self._speculative = 0  # jobs in ``assigned`` that are not ready
        self._least_urgent = NOTHING_SENT  # at most the priority of each of them
        self.claims = Claims(capacity, self.roster, source, self._estimates, self._instruct, wake)

    def _instruct(self, instruction: PoolInstruction) -> None:
        self.instructions.append(instruction)

    def feed(self, *, everywhere: bool = True) -> None:
        """Send jobs to places that will soon be idle: the least loaded ones get the most.

        Args:
            everywhere: whether something else may have changed than the places that have reported.
        """
        touched, self.roster.touched = self.roster.touched, []
        if self.claims.is_active:
            self._feed_by_claims(self.claims.sites_of(None if everywhere else touched))
            return
        for place in reversed(touched):  # of places that are started together the first is there first
            self._sort_in(place)
        waiting = len(self._source)
        if waiting and (self._idle or self._short):
            waiting = self._distribute(waiting)
            touched = list(self._short)
        if not waiting:
            for place in touched:
                if place.speculated_to < place.number and place in self._short:
                    self._extend(place)

    def _make_way(self, waiting: int) -> None:
        """Have places give back what they have not begun, for up to so many jobs that are more urgent."""
        urgency = self._source.urgency
        if self._least_urgent < urgency and all(place.sent for place in self.roster.places):
            for place in self.roster.holding_up(urgency)[:waiting]:
                place.makes_way = True
                self._revoke(place)

    def _revoke(self, place: Place) -> None:
        if not place.is_revoking:
            place.is_revoking = True
            self.instructions.append(RevokeJobs(place))

    def _sort_in(self, place: Place) -> None:
        """Note how much work a place has now."""
        self._idle.pop(place, None)
        self._short.pop(place, None)
        if place.takes_jobs:
            if not place.sent:
                self._idle[place] = None
            elif place.expected <= self._estimates.prefetch / 2:
                self._short[place] = None

    def _distribute(self, waiting: int) -> int:
        """Send the jobs that wait: to idle places, those first that have been so for the shortest time, and others.

        Returns:
            How many are left.
        """
        idle: list[Place] = []
        while self._idle and len(idle) < waiting:
            place, _ = self._idle.popitem()
            if place.takes_jobs:
                idle.append(place)
        idle.sort(key=attrgetter("ordinal"))
        short = [place for place in self._short if place.takes_jobs]
        self._short = dict.fromkeys(short)
        short.sort(key=attrgetter("expected"))
        loads = [0.0] * (len(idle) + len(self._idle)) + [place.expected for place in short]
        if loads:
            first = self._source.keys(SAMPLE)
            fair_share = self._estimates.fair_share(first, waiting, loads)
            most = 1 if waiting <= len(idle) else MAX_JOBS_PER_MESSAGE
            if (most == 1 or self._estimates.fill_a_place(first)) and not self._reserve:
                waiting = self._give_one_each(idle)
            for place in (*idle, *short):
                if place.expected <= self._estimates.prefetch / 2:  # else it has been given enough
                    if waiting:
                        waiting = self._fill(place, fair_share, most)
                    self._sort_in(place)
        return waiting

    def _give_one_each(self, idle: list[Place]) -> int:
        """Send each of these places a job, without a look at what comes next; return how many wait.

        With a thousand places that have a job each, taking them together saves a tenth of what a job costs; where more
        wait, and each takes long, a sixth.
        """
        now = self._clock()
        expect = self._estimates.expect
        batches: list[tuple[Place, list[Assignment]]] = []
        for place, job in zip(idle, self._source.take(len(idle)), strict=False):
            place.begin_anew(now)
            batch = [Assignment(job, place, place.number + 1, expect(job.key))]
            self._assign(place, batch)
            batches.append((place, batch))
        left = len(self._source)
        for place, batch in batches:
            if not left:
                self._speculate(place, batch)
            self.instructions.append(SendJobs(place, batch))
        return left

    def _extend(self, place: Place) -> None:
        """Send a place what comes after its jobs."""
        batch: list[Assignment] = []
        self._speculate(place, batch)
        if batch:
            self.instructions.append(SendJobs(place, batch))
            self._sort_in(place)

    def _feed_by_claims(self, sites: Sequence[Site]) -> None:
        """Send jobs to machines: to each its part, and then to each what it can take."""
        parts = [(site, self.claims.share_of(site)) for site in sites] if len(sites) > 1 else []
        for site, most in [*parts, *((site, MAX_JOBS_PER_MESSAGE) for site in sites)]:
            self._feed_site(site, most)

    def _feed_site(self, site: Site, most: int) -> None:
        round = PlaceRound(self.claims, site)
        fits = self._within_reserve(round.fits) if self._reserve else round.fits
        jobs = self._source.take(min(most, MAX_JOBS_PER_MESSAGE), fits)
        batches: defaultdict[Place, list[Assignment]] = defaultdict(list)
        for job, (place, seconds, claim) in zip(jobs, round.planned, strict=True):
            batch = batches[place]
            if not (place.sent or batch):
                place.begin_anew(self._clock())
            batch.append(Assignment(job, place, place.number + len(batch) + 1, seconds, claim=claim))
        for place, batch in batches.items():
            self._assign(place, batch)
        round.end()
        if not round.is_over and len(jobs) < most:  # what is left waits for what it claims
            for place in site.roster.places:
                if place.sent and place.claim is None and place.takes_jobs:
                    self._speculate(place, batches[place])
        for place, batch in batches.items():
            if batch:
                self.instructions.append(SendJobs(place, batch))

    def _fill(self, place: Place, fair_share: float, most: int) -> int:
        """Send a place up to so many jobs, until it has so many seconds of work, or as much as it may have.

        Returns:
            How many wait.
        """
        if not place.sent:
            place.begin_anew(self._clock())
        most_urgent = place.least_urgent if len(place.sent) > 1 else NOTHING_SENT
        urgent = place.sent.get(place.urgent)
        least_urgent = -NOTHING_SENT if urgent is None else urgent.job.priority
        if self._reserve and not self._has_room_below_0(place):
            least_urgent = max(least_urgent, 0)
        elsewhere = self._least_urgent
        known, prefetch = self._estimates.seconds.get, self._estimates.prefetch  # expect() would be a call for each
        load, is_idle = place.expected, not place.sent
        expected: list[float] = []

        def fits(job: Job) -> bool:
            nonlocal load, is_idle, least_urgent
            if not least_urgent <= job.priority <= most_urgent:
                return False
            seconds = known(job.key, prefetch)
            if not is_idle and (load >= fair_share or load + seconds > prefetch):
                return False
            load += seconds
            is_idle = False
            if job.priority > elsewhere:
                least_urgent = job.priority
            expected.append(seconds)
            return True

        jobs = self._source.take(min(most, place.last_number - place.number), fits)
        batch = [
            Assignment(job, place, number, seconds)
            for number, (job, seconds) in enumerate(zip(jobs, expected, strict=True), place.number + 1)
        ]
        if batch and batch[-1].job.priority > elsewhere:
            place.urgent = batch[-1].number
        self._assign(place, batch)
        left = len(self._source)
        if not left:
            self._speculate(place, batch)
        if batch:
            self.instructions.append(SendJobs(place, batch))
        return left

    def _assign(self, place: Place, batch: list[Assignment]) -> None:
        if not self.assigned:
            self._least_urgent = NOTHING_SENT
        for sent in batch:
            place.number = number = sent.number
            place.expected += sent.expected
            place.sent[number] = self.assigned[sent.job.task_id] = sent
            if sent.claim is not None:
                place.claim = sent.claim
        if batch:  # the last one is the least urgent, or comes after one that is
            place.least_urgent = min(place.least_urgent, batch[-1].job.priority)
            self._least_urgent = min(self._least_urgent, place.least_urgent)

    def _unassign(self, sent: Assignment) -> bool:
        """Remove a job from ``assigned``, unless it has been withdrawn, and perhaps assigned once more."""
        if self.assigned.get(sent.job.task_id) is not sent:
            return False
        del self.assigned[sent.job.task_id]
        return True

    def _drop_speculative(self, sent: Assignment) -> None:
        if self._unassign(sent):
            self._speculative -= 1

    def _has_room_below_0(self, place: Place) -> bool:
        """Whether a place may have jobs of a priority below 0."""
        return place.works_below_0 or self._places_below_0() < self.roster.size - self._reserve

    def _places_below_0(self) -> int:
        return sum(place.works_below_0 for place in self.roster.all)

    def _within_reserve(self, fits: Fits) -> Fits:
        """Add to conditions that jobs of a priority below 0 leave places free; each counts as one more place."""
        room = self.roster.size - self._reserve - self._places_below_0()

        def fits_there(job: Job) -> bool | None:
            nonlocal room
            if job.priority < 0 and room <= 0:
                return False
            answer = fits(job)
            room -= bool(answer) and job.priority < 0
            return answer

        return fits_there

    def _speculate(self, place: Place, batch: list[Assignment]) -> None:
        """Add jobs that come after those that the place has, and after these, as long as there is room."""
        ready = len(batch)
        self._add_successors(place, batch)
        if len(batch) > ready:  # noted together: one at a time takes ten times as long
            self._source.prefetch([sent.job for sent in batch[ready:]])

    def _add_successors(self, place: Place, batch: list[Assignment]) -> None:
        # most of those before have ended, and there may be thousands while others wait for a place
        place.speculated_to = max(place.speculated_to, next(iter(place.sent), place.number + 1) - 1)
        numbers = range(place.speculated_to + 1, place.number + 1)
        behind = [sent.job.task_id for number in numbers if (sent := place.sent.get(number)) is not None]
        if not self._source.may_have_successors(behind):
            place.speculated_to = place.number
            return
        while place.speculated_to < place.number:
            number = place.speculated_to + 1
            sent = place.sent.get(number)
            successor = self._successor_of(sent.job) if sent is not None and not sent.cancelled else None
            if successor is not None:
                expected = self._estimates.expect(successor.key)
                if place.expected + expected > self._estimates.prefetch or place.number >= place.last_number:
                    return  # later, perhaps
                speculative = Assignment(successor, place, place.number + 1, expected, number, is_speculative=True)
                self._assign(place, [speculative])
                batch.append(speculative)
                self._speculative += 1
            place.speculated_to = number

    def collect(self, task_ids: Iterable[str]) -> list[Done]:
        """Return the outcomes of those of these jobs that have succeeded before they were ready; now they are."""
        outcomes: list[Done] = []
        for task_id in task_ids:
            sent = self.assigned.get(task_id)
            if sent is not None and sent.is_speculative and isinstance(sent.outcome, Done):
                sent.is_speculative = False
                self._speculative -= 1
                del self.assigned[task_id]
                outcomes.append(sent.outcome)
        return outcomes

    @property
    def speculates(self) -> bool:
        """Whether there are jobs that were sent before they are ready."""
        return self._speculative > 0

    def speculative_jobs(self) -> list[Job]:
        """Return the jobs that were sent before they are ready."""
        return [sent.job for sent in self.assigned.values() if sent.is_speculative]

    def _successor_of(self, job: Job) -> Job | None:
        for successor in self._source.successors_of(job.task_id):
            if successor.timeout is not None or successor.task_id in self.assigned:
                continue
            if self.claims.has_none(successor):
                return successor
        return None
