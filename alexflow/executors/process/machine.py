"""The pool's machine: which job goes to which place, and what follows from what is reported of it.

A pure state machine, like the scheduler: no process, no descriptor, no event loop, no clock of its own. Each event is a
method; what is to be done gathers until :meth:`PoolMachine.drain` returns it. So every race of the pool is a list of
calls, which a test states and replays (``tests/pool``); :mod:`.pool` performs the instructions with real processes.

*Head-of-line blocking.* If the estimate was wrong, and jobs wait at a place behind a long one, they are revoked. The
place gets no more until the long one has ended. Logs and requests of that job do not count as progress.

*Sending* is a class of its own, :class:`~alexflow.executors.process.job_feed.JobFeed`. The outcome of a job that was
sent before it was ready is kept here until it is, and never reported if it never is.

*Deaths.* The death of a place costs an attempt of the job that it was running, and nothing else. Jobs that had not
begun go to other places. A job that may have ended unreported is *unsure*: its outputs say whether it has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from alexflow.executors.capacity import Capacity
from alexflow.executors.interface import Done, Job, JobSource, NotDone, Outcome, Printed, Usage
from alexflow.executors.process.hesitation import Hesitation
from alexflow.executors.process.instructions import (
    FailAll,
    PoolInstruction,
    ReportOutcomes,
    RetirePlace,
    ReturnJobs,
    StartPlaces,
    StopJob,
)
from alexflow.executors.process.job_feed import JobFeed
from alexflow.executors.process.past_usage import ClassUsage
from alexflow.executors.process.places import NOTHING_SENT, UNSEEN, Assignment, Place, outcome_at_end
from alexflow.executors.recycle import Recycle

#: After so long without a job that ended, those behind the first are revoked; after twice that at the latest.
BLOCKED_AFTER = 0.02  # seconds


class PoolMachine(JobFeed):
    """Decides for a pool of places.

    Args:
        size: how many places at most, besides those that are leaving, and idle ones that are bound to devices.
        source: the jobs that are ready; it takes of them what it sends.
        recycle: limits after which a place is replaced.
        clock: gives the time in seconds.
        capacity: what jobs may claim; None if none does.
        wake: called when something has come free elsewhere.
        reserve: places that jobs of a priority below 0 never have.

    Attributes:
        outcomes: with the instructions, what :meth:`drain` returns next.
    """

    _outcome_at_end = staticmethod(outcome_at_end)

    def __init__(
        self,
        size: int,
        source: JobSource,
        recycle: Recycle | None,
        clock: Callable[[], float],
        capacity: Capacity | None = None,
        wake: Callable[[], None] = lambda: None,
        reserve: int = 0,
    ):
        super().__init__(size, source, clock, capacity, wake, reserve)
        self._recycle = recycle
        self.outcomes: list[Outcome] = []
        self._hesitation = Hesitation(source, self._instruct)

    def drain(self) -> list[PoolInstruction]:
        """Return what is to be done since the last time; outcomes come last, since others may follow from them."""
        instructions, self.instructions = self.instructions, []
        if self.outcomes:
            instructions.append(ReportOutcomes(self.outcomes))
            self.outcomes = []
        return instructions

    def feed(self, *, everywhere: bool = True) -> None:
        """Send jobs to places that will soon be idle, but for those that hesitate."""
        if self._hesitation.expects_newcomers:
            self._hesitation.include(self.roster.touched)
        super().feed(everywhere=everywhere)

    # -- jobs come, or are not wanted any more

    def offered(self, task_ids: Collection[str]) -> None:
        """Note that jobs are ready, those of these tasks among them."""
        if self._speculative:
            self._claim(task_ids)
        self.roster.touched += self._hesitation.offered(task_ids)
        waiting = len(self._source)
        if waiting:
            self.claims.may_start = True
            self.start_for(waiting)
            self._make_way(waiting)
            self.feed()

    def _claim(self, task_ids: Iterable[str]) -> None:
        """Take the jobs that places have speculatively; report the outcomes of those that have ended there."""
        for task_id in task_ids:
            sent = self.assigned.get(task_id)
            job = self._source.claim(task_id) if sent is not None and sent.is_speculative else None
            if sent is None or job is None:
                continue
            if sent.job.replace != job.replace:
                self._withdraw(sent)
                self.instructions.append(ReturnJobs([job]))
                continue
            sent.is_speculative = False
            self._speculative -= 1
            if sent.outcome is not None:
                del self.assigned[task_id]
                self.outcomes.append(sent.outcome)

    def forget(self, task_ids: Collection[str]) -> None:
        """Withdraw those of these jobs that were sent speculatively: they will never be ready."""
        for task_id in task_ids:
            sent = self.assigned.get(task_id)
            if sent is not None and sent.is_speculative:
                self._withdraw(sent)
        if self.claims.is_active:
            self.claims.forget(task_ids)
            self.feed()  # something may have been held for one of them

    def _withdraw(self, sent: Assignment) -> None:
        self._drop_speculative(sent)
        if sent.outcome is None:
            sent.cancelled = True
            self._stop(sent)

    def cancel(self, task_ids: Iterable[str]) -> None:
        """End these jobs; an outcome follows for each."""
        for task_id in task_ids:
            sent = self.assigned.get(task_id)
            if sent is not None:
                sent.cancelled = True
                self._hesitation.withdraws(sent.place)
                self._stop(sent)

    def out_of_time(self, sent: Assignment) -> None:
        """End a job that takes longer than it may."""
        sent.took_too_long = True
        self._stop(sent)

    def _stop(self, sent: Assignment) -> None:
        """End the place if it is running this job; jobs that wait behind it can run elsewhere meanwhile."""
        if not (sent.place.is_leaving or sent.place.stopped == sent.number):
            self._revoke(sent.place)  # first: a place goes on with the next job as soon as this one has ended
            self.instructions.append(StopJob(sent.place, sent.number))

    # -- places come and go

    def start_for(self, jobs: int) -> None:
        """Have as many places as there are jobs to run at once, besides those that are busy."""
        self.roster.take_back()
        missing = 0 if self.claims.is_active else self.roster.request(jobs)  # else they are started one by one
        if missing:
            self.instructions.append(StartPlaces(missing))

    def start_all(self) -> None:
        """Have as many places as there may be, whatever they will run."""
        missing = self.roster.request(self.roster.size)
        if missing:
            self.instructions.append(StartPlaces(missing))

    def cannot_start(self) -> None:
        """Note that no place can be started now."""
        self.claims.cannot_start()
        if self.roster.cannot_start():
            self.instructions.append(FailAll([]))

    def replace(self, places: Iterable[Place]) -> None:
        """Replace places after the jobs that they are running: what they have loaded is not what others have."""
        for place in list(places):
            place.is_due = True
            self._recycle_if_due(place)
            if place in self.roster.returning:
                self.roster.stay_away(place)
                self.instructions.append(RetirePlace(place))
        if self.claims.is_active:
            self.feed()

    def _recycle_if_due(self, place: Place) -> None:
        """Send no more to a place that has reached a limit, and retire it after the job that it is running."""
        oldest = self._recycle.seconds if self._recycle is not None else None
        is_old = oldest is not None and self._clock() - place.started_at > oldest
        if place.number >= place.last_number or (is_old and place.has_ended_one):  # after one job at least
            place.is_due = True
        if place.is_due and not place.is_leaving:
            if not place.sent:
                self.roster.leave(place)
                self.instructions.append(RetirePlace(place))
                self.start_for(len(self._source))
            elif len(place.sent) > 1 and place.number < place.last_number:
                self._revoke(place)

    def stops(self, place: Place, number: int) -> None:
        """Note that the job that a place is running is being stopped; the place gets no other meanwhile."""
        place.stopped = number
        place.is_blocked = True
        self.roster.touched.append(place)

    def stopping(self, place: Place, number: int) -> None:
        """Note that the place may end with the job that it is running; another one takes its place."""
        place.stopped = number
        self.roster.leave(place)
        self._hesitation.is_late(place)
        self.start_for(len(self._source))
        self.feed()

    def has_stopped(self, place: Place) -> None:
        """Note that the job has ended that was being stopped, and that its place goes on, or comes back."""
        place.stopped = 0
        place.is_blocked = False
        if place.is_leaving:
            self.roster.returning.append(place)
            self._make_room_for(place)
        self._hesitation.begin(place)
        self.roster.touched.append(place)
        self.start_for(len(self._source))
        self.feed()

    def moment_over(self, number: int) -> None:
        """Take in that places have hesitated long enough."""
        self.roster.touched += self._hesitation.over(number)
        self.feed()

    def _make_room_for(self, place: Place) -> None:
        """End a place that has not begun anything for one that may come back, or else that one."""
        if self.roster.has_room(place) and not place.is_due:
            return
        newcomer = None if place.is_due else self.roster.newcomer_beside(place)
        if newcomer is None:
            self.roster.returning.remove(place)
            self.instructions.append(RetirePlace(place))
            return
        newcomer.is_due = True
        if newcomer.sent:
            self._revoke(newcomer)
        self._recycle_if_due(newcomer)

    def ended(self, place: Place) -> None:
        """Note that a place ends by itself; its jobs are settled when it is gone."""
        if place.is_leaving:
            return self.roster.stay_away(place)
        self.roster.leave(place)
        if place.has_reported:  # places do start, and the next one need not wait for that
            self.start_for(len(self._source) + len(place.sent))

    def gone(self, place: Place, running: int, ended: int, lost: NotDone | None, *, refused: bool = False) -> None:
        """Settle the jobs of a place that has ended, and start another one if there is work for it.

        Args:
            place: the place.
            running: the number of the job that it was running, or 0.
            ended: the number of the last job that had ended; ``UNSEEN`` if the place was lost with its machine.
            lost: the outcome of the job that it was running, if that is one of its jobs.
            refused: whether the system refused to start it: another attempt would end the same.
        """
        if refused:
            hopeless = self.roster.cannot_start()
        else:
            failed = ended != UNSEEN and not place.has_reported and not running
            hopeless = failed and self.roster.failed_to_start(place)
        elsewhere: list[Job] = []
        for number in list(place.sent):
            sent = place.forget(number)
            if sent is not None:
                outcome = self._outcome_at_end(sent, running, ended, lost)
                if outcome is not None:
                    self._settle(sent, outcome)
                elif sent.is_speculative:
                    self._drop_speculative(sent)
                else:
                    self._unassign(sent)
                    elsewhere.append(sent.job)
        if hopeless:
            self.instructions.append(FailAll(elsewhere))
        else:
            self._return(elsewhere)
            if not refused:
                self.claims.may_start = True
                self.start_for(len(self._source))
            self.feed()
        self.claims.changed()

    def _return(self, jobs: list[Job]) -> None:
        if jobs:
            self._hesitation.returns(jobs)
            self.instructions.append(ReturnJobs(jobs))

    def close(self) -> None:
        """Drop all jobs, and send no more."""
        self.assigned.clear()
        for place in self.roster.all:
            self.roster.leave(place)
        for place in self.roster.leaving:
            for number in list(place.sent):
                place.forget(number)

    # -- reports

    def done(
        self,
        place: Place,
        numbers: Sequence[int],
        seconds: Sequence[float],
        printed: Mapping[int, Printed | None],
        overtaken: Mapping[int, tuple[str, ...]],
        usage: Sequence[Usage],
    ) -> None:
        """Note that jobs have succeeded, with the seconds that each took."""
        self._makes_progress(place)
        learn, forget = self._estimates.learn, place.forget
        counts_memory = self.claims.counts_memory
        ahead: list[str] = []
        for number, took, used in zip(numbers, seconds, usage, strict=True):
            sent = forget(number)
            if sent is not None:
                job = sent.job
                learn(job.key, took)
                if counts_memory:
                    self.claims.has_used(job, used.rss or 0)
                said = printed.get(number) if printed else None
                dropped = overtaken.get(number, ()) if overtaken else ()
                outcome = Done(job.task_id, took, said, dropped, used)
                if sent.is_speculative or sent.cancelled:
                    self._settle(sent, outcome)
                    if not (sent.cancelled or job.replace):
                        ahead.append(job.task_id)
                else:  # as most; the same without the calls
                    del self.assigned[job.task_id]
                    self.outcomes.append(outcome)
        if ahead and self.outcomes:
            self._source.ended_ahead(ahead)

    def failed(self, place: Place, number: int, outcome: NotDone | None) -> None:
        """Note that a job has failed; those that were to come after it are not run."""
        self._makes_progress(place)
        sent = place.forget(number)
        if sent is not None and outcome is not None:
            self._settle(sent, outcome)
        self._drop_after(place, number)

    def _makes_progress(self, place: Place) -> None:
        place.last_report = self._clock()
        place.is_blocked = place.stopped != 0
        place.has_ended_one = True
        self.roster.touched.append(place)

    def _settle(self, sent: Assignment, outcome: Outcome) -> None:
        """Report the outcome of a job, or keep it until the job is ready."""
        if sent.is_speculative:
            sent.outcome = outcome
        else:
            self._unassign(sent)
            self.outcomes.append(outcome)

    def _drop_after(self, place: Place, failed: int) -> None:
        """Remove the jobs that were to come after a job that has failed: the place will not run them.

        Some may be ready meanwhile, as another place or engine made their input; they are run elsewhere.
        """
        dropped = {failed}
        ready: list[Job] = []
        for number, sent in list(place.sent.items()):
            if sent.after in dropped:
                dropped.add(number)
                place.forget(number)
                place.last_number += 1  # this job does not count towards its replacement: it will not run
                if sent.is_speculative:
                    self._drop_speculative(sent)
                else:
                    self._unassign(sent)
                    ready.append(sent.job)
        self._return(ready)

    def revoked(self, place: Place, numbers: Iterable[int]) -> None:
        """Take back jobs that a place had not begun, the last first."""
        self.roster.touched.append(place)
        place.is_revoking = False
        place.is_blocked = bool(place.stopped) or not place.makes_way
        place.makes_way = False
        back: list[Job] = []
        for number in numbers:
            place.last_number += 1  # as it has not run this one
            sent = place.forget(number)
            if sent is None:
                continue
            if sent.is_speculative:
                self._drop_speculative(sent)
                continue
            self._unassign(sent)
            if sent.cancelled:
                self.outcomes.append(NotDone(sent.job.task_id, "cancelled"))
            else:
                back.append(sent.job)
        self._return(back[::-1])
        place.least_urgent = min((sent.job.priority for sent in place.sent.values()), default=NOTHING_SENT)
        for sent in place.sent.values():
            if sent.cancelled:
                self._stop(sent)

    def cannot_be_sent(self, sent: Assignment, outcome: NotDone) -> None:
        """Note that a job cannot travel: it has failed, or will when it is ready; what comes after it is dropped."""
        sent.place.forget(sent.number)
        self.roster.touched.append(sent.place)
        sent.place.last_number += 1
        if sent.is_speculative:
            self._drop_speculative(sent)
        else:
            self._settle(sent, outcome)
        self._drop_after(sent.place, sent.number)

    def learnt_usage(self, name: str, usage: ClassUsage) -> None:
        """Note how much memory tasks of a class have needed, and how long they took."""
        self.claims.learnt_usage(name, usage)
        self.feed()

    def exceeded(self, place: Place) -> None:
        """Note that a place uses more memory than it may."""
        place.is_due = True

    def reported(self, places: Sequence[Place]) -> None:
        """Go on after places have reported something."""
        for place in places:
            self.roster.has_reported(place)
            if self._recycle is not None or place.is_due:
                self._recycle_if_due(place)
        self.claims.changed()
        if len(self._source) > sum(len(place.sent) for place in places):
            self.feed(everywhere=False)  # else they are sent with those that these reports make ready

    def tick(self) -> bool:
        """Revoke jobs that wait behind a long one. Return whether to look again after :data:`BLOCKED_AFTER`."""
        latest = self._clock() - BLOCKED_AFTER
        crowded = [place for place in self.roster.places if len(place.sent) > 1]
        for place in crowded:
            if place.last_report < latest:
                self._revoke(place)
        return bool(crowded)
