"""A pool of workers that agents host: the pool of worker processes, with other hands.

All that is decided is decided by :mod:`alexflow.executors.process.machine`, as for local workers. Here agents come and
go, and with them the places that there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import heapify, heapreplace
from typing import cast

from msgspec.structs import replace

from alexflow.cluster.connection import AgentConnection, RemoteProcess
from alexflow.cluster.messages import ModulesFound
from alexflow.cluster.misfits import Misfits
from alexflow.cluster.module_check import ModuleCheck, with_remedies
from alexflow.errors import WorkerDied
from alexflow.executors.capacity import Binding, Demand
from alexflow.executors.interface import Job, JobSource, NotDone, RemoteUsage, Report, Usage
from alexflow.executors.process.instructions import StartPlaces
from alexflow.executors.process.memory_shortage import MemoryShortage
from alexflow.executors.process.outcomes import worker_died
from alexflow.executors.process.output_capture import Echo
from alexflow.executors.process.places import UNSEEN, Home, Place
from alexflow.executors.process.pool import ProcessExecutor
from alexflow.executors.process.runtime_estimates import PREFETCH_SECONDS
from alexflow.executors.process.wire.exit_status import ExitStatus
from alexflow.executors.process.wire.messages import JobFailed, JobsDone, ToEngine
from alexflow.executors.process.wire.status_page import WorkerStatus
from alexflow.executors.process.worker_set import WorkerSet
from alexflow.executors.process.worker_state import HostedProcess, WorkerState
from alexflow.executors.recycle import Recycle
from alexflow.executors.workers import Workers
from alexflow.logs import logger
from alexflow.model import AbstractTask
from alexflow.storage import Storage

#: How often a job moves from a machine that is lost before it has run for long: the next loss is charged to it, as it
#: may be what ends them.
MAX_MOVES = 10

#: Work that a worker of an agent may have waiting. Reports and jobs take up to 2 ms each to gather on the line, and the
#: agent is one process more that waits for a processor: with what suffices on one machine its workers wait, too.
REMOTE_PREFETCH_SECONDS = 4 * PREFETCH_SECONDS


class RemoteWorkerSet(WorkerSet):
    """Workers that are hosted by agents. Where several are started, each goes to the agent with the most room.

    Attributes:
        agents: those that take jobs, by the homes of their workers.
        expected: modules that they have been asked to import ahead.
        on_stopping: called with a worker and its job that is being stopped.
    """

    agents: dict[Home, AgentConnection]
    expected: set[str]
    on_stopping: Callable[[WorkerState, int], None]

    def start_several(self, count: int, binding: Binding = ()) -> None:
        for home in self._with_room(count):
            self.start(binding, home)

    def _with_room(self, count: int) -> Iterator[Home]:
        """Yield the homes of so many workers, one after the other, which are started meanwhile."""
        room = [(agent.load, number, agent) for number, agent in enumerate(self.agents.values())]
        heapify(room)
        for _ in range(count):
            _, number, agent = room[0]
            yield agent.site.roster
            heapreplace(room, (agent.load, number, agent))

    def _new_process(self, worker: WorkerState, modules: Sequence[str]) -> HostedProcess:
        return RemoteProcess(
            self.agents[cast(Home, worker.home)],
            worker.ordinal,
            modules,
            partial(self._on_messages, worker),
            partial(self._on_end, worker),
            partial(self.on_stopping, worker),
            worker.binding,
        )

    def include(self, agent: AgentConnection) -> None:
        """Start workers at this agent, too."""
        self.agents[agent.site.roster] = agent
        agent.expect(sorted(self.expected))

    def _expect(self, modules: Sequence[str]) -> None:
        if not self.expected.issuperset(modules):
            self.expected.update(modules)
            for agent in self.agents.values():
                agent.expect(modules)

    def cold_workers(self) -> list[WorkerState]:
        """Return the workers of which their agents have said so."""
        return [worker for worker in self.workers if cast(RemoteProcess, worker.process).is_cold]

    def outdate(self) -> None:
        """Fork no more workers from what agents have imported for them."""
        self.expected.clear()
        for agent in self.agents.values():
            agent.outdate()


class AgentPool(ProcessExecutor):
    """Runs jobs in workers that agents host.

    Args:
        workers: what each may use; how many there are depends on the agents.
        modules: packages and modules whose classes travel by value.
        grace: seconds that a job which is stopped gets to end.
        echo: shows at once what tasks print, if that was asked for.
        demand: whether tasks ask for something that agents have.
    """

    def __init__(
        self,
        workers: Workers,
        modules: frozenset[str] = frozenset(),
        *,
        grace: float,
        echo: Echo | None = None,
        demand: Demand | None = None,
    ):
        super().__init__(workers, grace=grace, echo=echo)
        self._definitions.by_value = modules
        self._module_check = ModuleCheck()
        self._demand = demand
        self.agents: list[AgentConnection] = []
        self._moves: Counter[str] = Counter()
        self._reported: dict[WorkerState, None] = {}  # in this turn of the event loop; as a set that keeps its order

    def open(self, storage: Storage, report: Report, source: JobSource) -> None:
        super().open(storage, report, source)
        self._machine.roster.size = 0
        self._machine.claims.demand = self._demand
        self._machine.claims.estimates.prefetch = REMOTE_PREFETCH_SECONDS
        self._memory = MemoryShortage(self._machine.claims, is_here=False)
        self._misfits = Misfits(source, self._machine.claims)

    def expect(self, tasks: Sequence[AbstractTask]) -> None:
        new = self._module_check.add(filter(self._definitions.go_by_name, {type(task) for task in tasks}))
        for agent in self.agents if new else ():
            agent.check(new)  # on the same line, and so before any of these tasks
        super().expect(tasks)

    def offer(self, task_ids: Sequence[str]) -> None:
        super().offer(task_ids)
        if self._demand is not None and self._demand.is_active and not self._closed:
            self._misfits.watch()

    def _start_workers(self, instruction: StartPlaces) -> None:
        if instruction.home is None:
            super()._start_workers(instruction)
        elif instruction.home in self.remote_workers.agents:  # else it has gone meanwhile
            for _ in range(instruction.count):
                self.remote_workers.start(instruction.binding, instruction.home)
            self._wake()  # when some have been started at all agents

    async def aclose(self) -> None:
        self._misfits.close()
        await super().aclose()

    def _make_worker_set(self, storage: Storage) -> WorkerSet:
        workers = RemoteWorkerSet(
            *(self._workers, self._machine.roster, storage, self._definitions),
            on_messages=self._take_in,
            on_end=self._has_ended,
            echo=None,
            recycle=self._workers.recycle or Recycle(),
            on_warm=self._replace_cold,
        )
        workers.agents = {agent.site.roster: agent for agent in self.agents if not agent.is_leaving}
        workers.expected = set()
        workers.on_stopping = self._is_stopping
        return workers

    def forget(self, task_ids: Sequence[str]) -> None:
        for task_id in task_ids if self._moves else ():
            self._moves.pop(task_id, None)
        super().forget(task_ids)

    @property
    def remote_workers(self) -> RemoteWorkerSet:
        """The workers."""
        return cast(RemoteWorkerSet, self._worker_set)

    @property
    def places(self) -> int:
        return max(1, self._machine.roster.size)

    @property
    def has_work(self) -> bool:
        """Whether jobs wait for a place."""
        return self.waiting > 0

    @property
    def waiting(self) -> int:
        """The number of jobs that wait for a place."""
        return len(self._source)

    # -- agents

    def came(self, agent: AgentConnection) -> None:
        """Add an agent: there are more places."""
        self.agents.append(agent)
        agent.check(self._module_check.digests)
        self.remote_workers.include(agent)
        self._machine.claims.sites[agent.site] = None
        if agent.is_timed and self._demand is not None:  # each job is looked at from now on: whether it fits
            self._demand.activate()
            self._misfits.watch()
        self._machine.roster.size += agent.places
        self._machine.start_for(len(self._source))
        self._feed()

    def leaves(self, agent: AgentConnection) -> None:
        """Send an agent nothing more; take back what it has not begun."""
        del self.remote_workers.agents[agent.site.roster]
        del self._machine.claims.sites[agent.site]
        self._machine.roster.size -= agent.places
        workers = self._workers_of(agent)
        self._machine.roster.surplus.update(worker for worker in workers if not worker.is_leaving)
        self._machine.replace(workers)
        self._machine.start_for(len(self._source))
        self._go_on()

    def modules_found(self, agent: AgentConnection, found: ModulesFound) -> None:
        """Take in that modules of tasks are missing at an agent, or differ."""
        self._module_check.say(agent.name, agent.host, found.missing, found.differing)

    def are_cold(self) -> None:
        """Replace workers that lack what new ones come with."""
        self._replace_cold()

    def lost(self, agent: AgentConnection) -> None:
        """Note that an agent is gone."""
        if agent in self.agents:
            self.agents.remove(agent)
            if self.remote_workers.agents.pop(agent.site.roster, None) is not None:
                del self._machine.claims.sites[agent.site]
                self._machine.roster.size -= agent.places
        agent.lose()

    def fail_waiting(self, error: Callable[[Job], NotDone]) -> None:
        """Fail the jobs that wait for a place."""
        self._report([error(job) for job in self._source.take(len(self._source))])

    def _workers_of(self, agent: AgentConnection) -> list[WorkerState]:
        hosted = set(agent.workers.values())
        every = [*self._worker_set.workers, *self._worker_set.leaving]
        return [worker for worker in every if worker.process in hosted]

    # -- what is otherwise than on this machine

    def _take_in(self, worker: WorkerState, messages: list[ToEngine]) -> None:
        """Note what a worker has sent; go on when all lines that have something now have been read."""
        if self._closed:
            return
        self._note_reports(worker, messages)
        if not self._reported:
            self._loop.call_soon(self._go_on_after_lines)
        self._reported[worker] = None

    def _go_on_after_lines(self) -> None:
        reported, self._reported = list(self._reported), {}
        if not self._closed:
            self._go_on_after_reports(reported)

    def _take_in_one(self, worker: WorkerState, message: ToEngine) -> None:
        if type(message) is JobsDone:  # by far the most: without a copy that has the host
            process = cast(RemoteProcess, worker.process)
            clock, take = process.agent.clock, process.printed.take_output
            usage: Sequence[Usage] = message.usage
            if clock is not None:
                here, host = clock.here, process.host
                usage = [
                    RemoteUsage(each.worker, each.cpu, each.rss, each.stored, here(each.ended), host) for each in usage
                ]
            printed = {number: take(number) for number in message.printed}
            self._machine.done(worker, message.numbers, message.seconds, printed, message.overtaken, usage)
            return
        if type(message) is JobFailed:
            fault = with_remedies(message.fault, worker.process.host, self._definitions.by_value)
            message = message if fault is message.fault else replace(message, fault=fault)
        super()._take_in_one(worker, message)

    def _stop(self, place: Place, number: int) -> None:
        process = cast(RemoteProcess, cast(WorkerState, place).process)
        process.stop_running(number, place.number)  # only its agent sees whether it is running that job

    def _is_stopping(self, worker: WorkerState, number: int) -> None:
        if not (self._closed or worker.is_leaving or worker.stopped):
            self._machine.stops(worker, number)
            self._job_stops.watch(worker, number)
            self._go_on()

    def _gone(self, worker: WorkerState, end: ExitStatus, last: WorkerStatus) -> None:
        process = cast(RemoteProcess, worker.process)
        if not process.is_lost:
            super()._gone(worker, end, last)
            return
        agent = process.agent
        charged = None if agent.is_leaving else self._lost_job(worker, process)
        for sent in worker.sent.values():
            if sent.number != process.at_work:
                self._moves[sent.job.task_id] += 1
        at_work = process.at_work
        if charged is None and not agent.is_leaving:  # the first may have ended the machine before it was seen
            first = next(iter(worker.sent.values()), None)
            if first is not None and self._moves[first.job.task_id] > MAX_MOVES:
                at_work, charged = first.number, self._died(first.job, process)
        self._machine.gone(worker, at_work, UNSEEN, charged)
        self._go_on()

    def _lost_job(self, worker: WorkerState, process: RemoteProcess) -> NotDone | None:
        sent = worker.sent.get(process.at_work)
        return None if sent is None else self._died(sent.job, process)

    def _died(self, job: Job, process: RemoteProcess) -> NotDone:
        message = f"agent {process.agent}, where it ran, was lost"
        error: WorkerDied = worker_died(job, message, ExitStatus())
        return NotDone(job.task_id, "lost", error, worker=process.pid, host=process.host)

    def _why(self, worker: WorkerState, end: ExitStatus) -> str:
        agent = cast(RemoteProcess, worker.process).agent
        logger.warning("worker processes fail to start at agent %s", agent)
        return f"worker processes fail to start at agent {agent}: the last one {end}"
