"""Jobs that claim CPUs, memory or devices: which place gets one, and what all others may have meanwhile.

A job with a claim has a place to itself. One that claims devices goes to a place that is *bound* to them: a worker
process sees its devices in the environment with which it began, and keeps the context and the models that it has made
there. So the next job for the same devices goes to the same process. It stays when it is idle, beside as many places as
there may be; but only places with jobs count, so that no more jobs run than there may.

An idle process that is bound to other devices, and shares one with a job that is to begin, is ended first: what it has
in the memory of that device would be missing. The job begins when that process is gone.

*Several machines.* Where agents host a pool's workers, each machine has a capacity of its own, and a job claims of one.
Machines are looked at one after the other, those first that have the most room, and each gets its part of the jobs
before any gets more. A large job waits at one of them, which is then kept free for it. One that is taken away soon gets
no job that may take longer than it is there: its timeout says that, else what others of its class have taken in this
engine, else what they have usually taken as the record says.

*Memory.* As soon as one task has asked for memory, those that do not say how much they need claim what tasks of their
class have needed: the most among the last ones in the record, or in this engine. The record is asked once for each
class, elsewhere, and a job of a new class waits for the answer. Rejected: to look that up for all engines (most have
nothing to share out, and the record of a bucket takes its time); to begin and correct later (the first jobs of a run
are those that begin together). The same answer says how long they took.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from alexflow.executors.capacity import Binding, Capacity, Claim, Demand
from alexflow.executors.interface import Job, JobSource
from alexflow.executors.lacks import Lack
from alexflow.executors.process.instructions import LookUpUsage, PoolInstruction
from alexflow.executors.process.past_usage import ClassUsage
from alexflow.executors.process.places import Home, Place
from alexflow.executors.process.roster import Roster
from alexflow.executors.process.runtime_estimates import RuntimeEstimates
from alexflow.executors.process.sites import Site
from alexflow.model.resource_spec import Needs

#: A class whose peak is less than such a part of a worker's share of the memory claims none, and travels in batches.
SMALL = 16


class Claims:
    """The pool's part in the capacity of its engine, or the capacities of the machines that it has.

    Args:
        capacity: of the engine; None if no job claims anything, or each machine of the pool has its own.
        roster: the places.
        source: the jobs that are ready.
        estimates: how long jobs take.
        instruct: takes instructions.
        wake: called when something has come free elsewhere.

    Attributes:
        demand: whether any task has asked for something; None if no job claims anything.
        sites: the machines; dicts as sets that keep their order.
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
        self.demand: Demand | None = capacity
        self.sites: dict[Site, None] = {}
        self.roster = roster
        self.source = source
        self.estimates = estimates
        self.instruct = instruct
        self.may_start = True
        self.alone: set[str] = set()
        self.peaks: dict[str, int] = {}
        self._usual_seconds: dict[str, float] = {}  # as the record says, by the same name; 0 if it does not
        self._looked_up: set[str] = set()
        self._waits_at: dict[str, Site] = {}  # where something is held for a job, if there are several machines
        self._own: Site | None = None
        if capacity is not None:
            self._own = Site(capacity, roster, "process", wake)
            self.sites[self._own] = None

    @property
    def is_active(self) -> bool:
        """Whether any task has asked for something."""
        return self.demand is not None and self.demand.is_active

    def changed(self) -> None:
        """Wake other executors: something may have come free."""
        if self._own is not None and self._own.capacity.is_active:
            self._own.capacity.changed(self._own.claimant)

    # -- machines

    def sites_of(self, touched: list[Place] | None) -> list[Site]:
        """Return the machines that may take jobs, those first that have the most room.

        Args:
            touched: the places where something has come free, if nothing else has changed.
        """
        if self._own is not None:
            return [self._own]
        if touched is None:
            found = list(self.sites)
        else:
            homes = {place.home for place in touched}
            found = [site for site in self.sites if site.roster in homes]
        return sorted(found, key=lambda site: site.load)

    def home_of(self, site: Site) -> Home | None:
        """Return the places of a machine, if the pool has several."""
        return None if site is self._own else site.roster

    def share_of(self, site: Site) -> int:
        """Return how many of the jobs that are ready are a machine's part, by its size."""
        waiting = len(self.source)
        return waiting if site is self._own else -(-waiting * site.roster.size // max(1, self.roster.size))

    def claim(self, site: Site, job: Job, needs: Needs, prefer: Sequence[Binding]) -> Claim | None:
        """Claim what a job needs of a machine; None if it has to wait, or has to go to another.

        Where there are several, things are held for it at one of them only, and at none that never has so much.
        Arguments as for :meth:`~alexflow.executors.capacity.Capacity.claim`.
        """
        capacity, task_id = site.capacity, job.task_id
        if site is self._own:
            return capacity.claim(site.claimant, task_id, needs, prefer)
        if not capacity.can_ever_hold(needs):
            return None
        waits_at = self._waits_at.get(task_id, site)
        waits = waits_at is site or waits_at not in self.sites
        claim = capacity.claim(site.claimant, task_id, needs, prefer, waits=waits)
        if claim is not None:
            self._waits_at.pop(task_id, None)
        elif waits and capacity.has_ticket(task_id):
            self._waits_at[task_id] = site
        return claim

    def seconds_of(self, job: Job) -> float:
        """Return the seconds that a job may take: its timeout, else what others of its class have taken.

        A timeout comes first, as it is what the user has said; a job of a class that is new, without one, may be short.
        """
        if job.timeout is not None:
            return job.timeout
        expected = self.estimates.expect(job.key)
        return (
            expected if self.estimates.knows(job.key) else max(expected, self._usual_seconds.get(_class_of(job), 0.0))
        )

    def has_time(self, site: Site, job: Job) -> bool:
        """Whether a machine is there for as long as a job may take; if not, nothing is held there for the job."""
        if self.seconds_of(job) <= site.time_left():
            return True
        if self._waits_at.get(job.task_id) is site:
            del self._waits_at[job.task_id]
            site.capacity.forget(job.task_id)
        return False

    def lacks(self, job: Job) -> list[Lack]:
        """Return what a job that is ready waits for; of several machines, at that which lacks the least."""
        found = [
            site.capacity.lacks(site.claimant, job.task_id, needs)
            for site in self.sites
            if (needs := self.needs_of(job, site.capacity)) is None or site.capacity.can_ever_hold(needs)
        ]
        return min(found, key=len, default=[])

    def forget(self, task_ids: Collection[str]) -> None:
        """Drop tasks that are over or not wanted any more."""
        self.alone.difference_update(task_ids)
        for task_id in task_ids if self._waits_at else ():
            self._waits_at.pop(task_id, None)

    def cannot_start(self) -> None:
        """Note that no place can be started now."""
        self.may_start = False
        for site in self.sites:
            site.roster.cannot_start()

    # -- memory

    def memory_at(self, place: Place) -> int:
        """Return the bytes of memory of the machine where a place is; 0 if unknown."""
        for site in self.sites:
            if place.home is site.roster or site is self._own:
                return site.capacity.supply.memory
        return 0

    def lacked_memory(self, job: Job, used: int) -> bool:
        """Note that a job had too little memory. Return whether it may run alone; False if it has done so."""
        if self.demand is None or job.task_id in self.alone:
            return False
        self.demand.activate()
        self.demand.counts_memory = True
        self.alone.add(job.task_id)
        if used:
            name = _class_of(job)
            self.peaks[name] = max(used, self.peaks.get(name, 0))
        return True

    @property
    def counts_memory(self) -> bool:
        """Whether memory is claimed."""
        return self.demand is not None and self.demand.counts_memory

    def learnt_peak(self, name: str, peak: int) -> None:
        """Note how much memory a task of a class has needed, in bytes; 0 if that is not known."""
        shares = [site.capacity.supply.memory / site.roster.size for site in self.sites]
        is_small = peak * SMALL < min(shares, default=0)
        self.peaks[name] = max(0 if is_small else peak, self.peaks.get(name, 0))

    def learnt_usage(self, name: str, usage: ClassUsage) -> None:
        """Note how much memory tasks of a class have needed, and how long they took."""
        self.learnt_peak(name, usage.peak)
        self._usual_seconds[name] = max(usage.seconds, self._usual_seconds.get(name, 0.0))

    def has_used(self, job: Job, rss: int) -> None:
        """Note the peak memory of a job, in bytes."""
        if rss > self.peaks.get(_class_of(job), 0):
            self.learnt_peak(_class_of(job), rss)

    def needs_of(self, job: Job, capacity: Capacity) -> Needs | None:
        """Return what a job needs of a machine: what it asks for, and the memory that others of its class have needed.

        Args:
            job: the job.
            capacity: of the machine.
        """
        needs = job.needs
        if not self.counts_memory:
            return needs
        if job.task_id in self.alone:
            return capacity.everything(needs)
        peak = min(self._peak_of(job), capacity.supply.memory)
        if not peak:
            return needs
        return Needs(None, peak, ()) if needs is None else needs._replace(memory=peak)

    def _peak_of(self, job: Job) -> int:
        return 0 if job.needs is not None and job.needs.memory else self.peaks.get(_class_of(job), 0)

    def has_none(self, job: Job) -> bool:
        """Whether a job claims nothing, and nothing is being looked up for it."""
        if job.needs is not None or not self.counts_memory:
            return job.needs is None
        return not (job.task_id in self.alone or self._peak_of(job) or self.is_unknown(job))

    def is_unknown(self, job: Job, *, is_timed: bool = False) -> bool:
        """Whether what a job needs is being looked up; ask for it if nothing is known of its class.

        Args:
            job: the job.
            is_timed: whether it matters how long it takes, besides its memory.
        """
        name = _class_of(job)
        if not (self._lacks_peak(job, name) or (is_timed and self._lacks_seconds(job, name))):
            return False
        if name not in self._looked_up:
            self._looked_up.add(name)
            self.instruct(LookUpUsage(name, job.task))
        return True

    def _lacks_peak(self, job: Job, name: str) -> bool:
        if not self.counts_memory or (job.needs is not None and job.needs.memory) or job.task_id in self.alone:
            return False
        return name not in self.peaks

    def _lacks_seconds(self, job: Job, name: str) -> bool:
        return job.timeout is None and not (name in self._usual_seconds or self.estimates.knows(job.key))


def _class_of(job: Job) -> str:
    return job.task_id.rpartition(".")[0]
