"""Places that hesitate: what they were at has been withdrawn, and what waits behind it may be withdrawn next.

Clients that hang up together are seen one by one. The job of the first is stopped within a millisecond or two, and its
place would begin the next job although that client has left, too. So it takes none for a moment, and for another one as
long as waiting jobs are being withdrawn. It does not hesitate if nothing had waited, nor for what has come since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from alexflow.executors.interface import Job, JobSource
from alexflow.executors.process.instructions import LookAgain
from alexflow.executors.process.places import Place

#: Seconds for which a place takes no job.
MOMENT = 0.01

#: How many such moments at most, one after the other.
MOST_MOMENTS = 10


class Hesitation:
    """The places that hesitate; they go on together.

    Args:
        source: the jobs that wait.
        instruct: takes instructions.
    """

    def __init__(self, source: JobSource, instruct: Callable[[LookAgain], None]):
        self._source = source
        self._instruct = instruct
        self._places: list[Place] = []
        self.expects_newcomers = False  #: Whether those that come now hesitate, too.
        self._number = 0  # of the last instruction
        self._moments = 0
        self._withdrawn = 0  # jobs, as last seen
        self._returned: frozenset[str] = frozenset()  # waited at places, and may be withdrawn like others

    def withdraws(self, place: Place) -> None:
        """Take in that the job of a place is withdrawn."""
        place.may_hesitate = len(self._source) > 0 or len(place.sent) > 1

    def returns(self, jobs: Collection[Job]) -> None:
        """Take in that jobs wait again that were at a place."""
        self._returned = frozenset(job.task_id for job in jobs)

    def begin(self, place: Place) -> None:
        """Let a place hesitate whose job has been stopped, if others waited when it was withdrawn."""
        if place.may_hesitate or self.expects_newcomers:
            place.may_hesitate = False
            self._hold(place)
            self._begin_moment()

    def is_late(self, place: Place) -> None:
        """Let what is started instead of a place hesitate, as its job does not end at once."""
        if place.may_hesitate:
            place.may_hesitate = False
            self.expects_newcomers = True
            self._begin_moment()

    def include(self, places: Iterable[Place]) -> None:
        """Let those of some places hesitate that are new."""
        for place in places:
            if not (place.has_reported or place.hesitates or place.sent):
                self._hold(place)

    def _hold(self, place: Place) -> None:
        place.hesitates = True
        self._places.append(place)

    def offered(self, task_ids: Collection[str]) -> list[Place]:
        """Take in that jobs are ready. Returns the places that go on, as nothing else waits any more."""
        if not (self._places or self.expects_newcomers):  # as mostly
            return []
        is_all = len(self._source) <= len(task_ids) and self._returned.isdisjoint(task_ids)
        return self._end() if is_all else []

    def over(self, number: int) -> list[Place]:
        """Take in that a moment is over. Returns the places that go on."""
        if number != self._number:
            return []
        if self._source.withdrawn != self._withdrawn and self._moments < MOST_MOMENTS:
            self._begin_moment()
            return []
        return self._end()

    def _begin_moment(self) -> None:
        self._withdrawn = self._source.withdrawn
        self._moments += 1
        self._number += 1
        self._instruct(LookAgain(self._number, MOMENT))

    def _end(self) -> list[Place]:
        places, self._places = self._places, []
        self.expects_newcomers = False
        self._moments = 0
        for place in places:
            place.hesitates = False
        return places
