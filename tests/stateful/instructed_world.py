"""The half of the world that takes instructions: it records them, and judges each by what it knows.

What is inspected must be needed, what starts must not be active already, limits hold, no target of a run is removed,
and a run that succeeds has all its targets.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from alexflow.scheduler import Scheduler, TaskSpec
from alexflow.scheduler import instructions as do
from alexflow.scheduler.events import OnError


@dataclass(frozen=True)
class Job:
    """A task of this world.

    Attributes:
        gives: what it gives, if it is dynamic.
    """

    spec: TaskSpec
    gives: tuple[str, ...] = ()


@dataclass
class Request:
    """A run, as the world sees it."""

    keys: tuple[str, ...]
    tasks: tuple[str, ...]
    on_error: OnError
    cancelled: bool = False
    finish: do.Finish | None = None


@dataclass
class InstructedWorld:
    """Tasks, a storage that is a set of keys, and everything that is under way.

    Attributes:
        strict: whether the graph is sound and answers are fresh, so that more can be asserted.
        places: for how many tasks there is room at once.
        looks_on: whether answers are about inputs as well that would be asked about next.
    """

    scheduler: Scheduler
    strict: bool = True
    places: int = 1000
    looks_on: bool = False
    jobs: dict[str, Job] = field(default_factory=dict)
    makers: dict[str, str] = field(default_factory=dict)
    storage: set[str] = field(default_factory=set)
    requests: dict[int, Request] = field(default_factory=dict)
    # what is under way
    keys_asked: list[tuple[str, bool]] = field(default_factory=list)
    tasks_asked: list[tuple[str, bool]] = field(default_factory=list)
    running: dict[str, None] = field(default_factory=dict)
    ahead: set[str] = field(default_factory=set)  # have succeeded before they were ready, as this event says
    collected: list[str] = field(default_factory=list)
    pulling: dict[str, None] = field(default_factory=dict)
    closing: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    cancelling: dict[str, None] = field(default_factory=dict)
    elsewhere: dict[str, None] = field(default_factory=dict)  # held by another engine
    delays: list[tuple[str, int]] = field(default_factory=list)
    verifying: list[do.Verify] = field(default_factory=list)
    resuming: int = 0
    given: dict[str, int] = field(default_factory=dict)
    # what has been
    needed: set[str] = field(default_factory=set)
    offered: set[str] = field(default_factory=set)
    published: set[str] = field(default_factory=set)
    ever_failed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)  # for good
    vanished: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    ran: Counter[str] = field(default_factory=Counter)
    counted: int = 0  # those of them that were wanted
    attempts: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    losses: Counter[tuple[str, str]] = field(default_factory=Counter)  # of a task's inputs

    # -- the graph

    def add(self, spec: TaskSpec, gives: tuple[str, ...] = ()) -> None:
        self.jobs[spec.task_id] = Job(spec, gives)
        for key in spec.outputs:
            self.makers.setdefault(key, spec.task_id)

    def upstream(self, keys: tuple[str, ...], tasks: tuple[str, ...]) -> set[str]:
        """Return every task that could ever matter to these; naive."""
        seen: set[str] = set()
        stack = [*tasks, *(self.makers[key] for key in keys)]
        while stack:
            task_id = stack.pop()
            if task_id not in seen:
                seen.add(task_id)
                job = self.jobs[task_id]
                served = [key for key, _ in job.spec.serves]
                keys_around = (*job.spec.inputs, *job.spec.outputs, *served)  # a child's output is its parent's
                stack += [self.makers[key] for key in keys_around if key in self.makers]
                stack += job.gives
        return seen

    # -- instructions

    def take(self, instruction: do.Instruction) -> None:
        match instruction:
            case do.Inspect(keys, tasks):
                self._inspect(keys, tasks)
            case do.Start(tasks):
                for task_id in tasks:
                    self._start(task_id)
            case do.Collect():
                pass  # taken before all others: it is about what has happened already
            case do.Generate(task_id):
                assert task_id not in self.pulling
                self.pulling[task_id] = None
            case do.Close(task_id, held):
                self.closing[task_id] = held
            case do.Cancel(tasks):
                for task_id in tasks:
                    self._cancel(task_id)
            case do.Delay(task_id, attempt, seconds):
                retry_delay = self.jobs[task_id].spec.retry_delay
                assert seconds == retry_delay * 2 ** (attempt - 1)
                self.delays.append((task_id, attempt))
            case do.TryAgain(task_id, _, attempts, deaths):
                assert attempts == self.attempts[task_id] + self.deaths[task_id]
                assert deaths == self.deaths[task_id]
            case do.GaveUp(task_id):
                assert task_id in self.failed
            case do.Remove(keys):
                self._remove(keys)
            case do.Verify():
                self.verifying.append(instruction)
            case do.Finish():
                self._finish(instruction)
            case do.Forget(tasks):
                for task_id in tasks:
                    self.pulling.pop(task_id, None)
                    self.elsewhere.pop(task_id, None)
                    assert task_id not in {**self.running, **self.closing, **self.cancelling}
                    for count in (self.attempts, self.deaths):
                        del count[task_id]
                    for key in self.jobs[task_id].spec.inputs:
                        del self.losses[task_id, key]
            case do.Resume():
                self.resuming += 1
                assert self.resuming == 1
            case do.Offer():
                pass  # after each event places are filled

    def _inspect(self, keys: tuple[str, ...], tasks: tuple[str, ...]) -> None:
        for key in keys:
            read = any(key in self.jobs[task_id].spec.inputs for task_id in self.needed)
            targeted = any(key in self._targets(request) for request in self.requests.values())
            assert read or targeted, f"{key} was looked at"
            self.keys_asked.append((key, key in self.storage))
        for task_id in tasks:
            asked_for = any(task_id in request.tasks for request in self.requests.values())
            assert asked_for or task_id in self.offered, f"{task_id} was looked at"
            self.tasks_asked.append((task_id, self.is_made(self.jobs[task_id].spec)))

    def is_made(self, spec: TaskSpec) -> bool:
        """Return whether the outputs of a task exist; those that it holds may have been published by now."""
        published = {place for key, place in spec.serves if key in self.storage}
        return self.storage.issuperset(set(spec.outputs) - published)

    def _start(self, task_id: str) -> None:
        assert task_id not in {**self.running, **self.pulling, **self.closing, **self.cancelling, **self.elsewhere}
        if self.jobs[task_id].spec.dynamic:
            self.pulling[task_id] = None
            self.given[task_id] = 0
        else:
            assert task_id in self.scheduler.ready("") or task_id not in self.scheduler.state.nodes

    def _begin(self, task_id: str) -> None:
        self.running[task_id] = None
        at_work = [*self.running, *self.cancelling]
        for tag, limit in self.scheduler.state.slots.limits.items():
            specs = [self.jobs[other].spec for other in at_work]
            assert sum(tag in spec.tags and not spec.dynamic for spec in specs) <= limit

    def _cancel(self, task_id: str) -> None:
        assert task_id not in self.cancelling
        known = task_id in self.running or self.jobs[task_id].spec.dynamic
        assert known, f"{task_id} is to be cancelled, and is not at work"
        for at_work in (self.running, self.pulling, self.closing):
            at_work.pop(task_id, None)
        self.cancelling[task_id] = None

    def _remove(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            for request in self.requests.values():
                looked_at = key in request.keys or all(task_id not in request.tasks for task_id, _ in self.tasks_asked)
                pinned = request.finish is None and looked_at and key in self._targets(request)
                assert not pinned, f"{key} is a target, and was removed"
            readers = [task_id for task_id in self.running if key in self.jobs[task_id].spec.inputs]
            assert not readers, f"{key} is read by {readers}, and was removed"
            assert any(key in job.spec.ephemeral for job in self.jobs.values())
            self.removed.add(key)
            self._lose(key)

    def _lose(self, key: str) -> None:
        self.storage.discard(key)
        for task_id, job in self.jobs.items():
            if key in job.spec.outputs:
                self.published.discard(task_id)

    # -- the judge

    def _finish(self, finish: do.Finish) -> None:
        request = self.requests[finish.run_id]
        assert request.finish is None, "a run ended twice"
        request.finish = finish
        if request.cancelled:
            return
        if finish.error is None and not finish.failures and not finish.skipped:
            self._went_well(request)
        elif self.strict:
            assert finish.error is None, finish.error
            self._went_wrong(request, finish)

    def _targets(self, request: Request) -> set[str]:
        """Return the keys that a run requests, with those of its tasks."""
        return {*request.keys, *(key for task_id in request.tasks for key in self.jobs[task_id].spec.outputs)}

    def _went_well(self, request: Request) -> None:
        lost = self._targets(request) - self.storage - self.vanished
        assert not lost, f"a run went well without {lost}"

    def _went_wrong(self, request: Request, finish: do.Finish) -> None:
        names = {name for name, _ in finish.failures}
        assert names & (self.failed | self.vanished), "a run went wrong without a failure"
        upstream = self.upstream(request.keys, request.tasks)
        for name, _ in finish.failures:
            blamed = name in upstream & self.ever_failed or name in self.vanished
            assert blamed, f"{name} is said to have failed"
        skipped = dict(finish.skipped)
        assert upstream.issuperset(skipped)
        assert len(skipped) == len(finish.skipped), "each is skipped once"
        for name, cause in finish.skipped:
            assert cause in names or (request.on_error == "stop" and not cause), f"{name} is said to be for {cause}"
        if request.on_error == "continue":
            self._went_on(request, finish)

    def _went_on(self, request: Request, finish: do.Finish) -> None:
        """Check that everything independent of failed tasks was made: targets, and inputs of skipped tasks.

        The children of a failed dynamic task are given up with it.
        """
        given = self.upstream((), tuple(given for task_id in self.failed for given in self.jobs[task_id].gives))
        skipped = [self.jobs[task_id] for task_id, _ in finish.skipped if task_id not in given]
        wanted = {*request.keys, *(key for job in skipped for key in job.spec.inputs)}
        for key in wanted - self.storage - self.vanished - self.removed:
            assert self.upstream((key,), ()) & self.failed, f"{key} was not made, though it could"
