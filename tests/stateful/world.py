"""A world for the scheduler: tasks, a storage that is a set of keys, and everything that is under way.

It records instructions (`instructed_world.py`), and answers when a test calls for it, in any order. It checks as it
goes: no task runs twice without a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from alexflow.scheduler import TaskSpec
from alexflow.scheduler import instructions as do
from alexflow.scheduler.completion import Arrival
from alexflow.scheduler.events import (
    Cancelled,
    DelayOver,
    DoneByPeer,
    Event,
    Failed,
    Generated,
    HeldByPeer,
    InputsLost,
    Inspected,
    InspectionFailed,
    OnError,
    PutBack,
    ReleasedByPeer,
    Resumed,
    RunRequested,
    RunsCancelled,
    Succeeded,
    TargetsAdded,
    Verified,
)
from alexflow.scheduler.failure import MAX_LOSSES
from alexflow.scheduler.state import Node
from alexflow.scheduler.states import QUEUED, READY, WAITING
from tests.scheduler.invariants import validate
from tests.stateful.instructed_world import InstructedWorld, Request


@dataclass
class World(InstructedWorld):
    """The world: what happens in it becomes an event for the scheduler."""

    # -- events in, instructions out

    def tell(self, event: Event) -> None:
        instructions = self.scheduler.handle(event)
        for instruction in instructions:
            if isinstance(instruction, do.Collect):
                self._collect(instruction.tasks)
        for instruction in instructions:
            self.take(instruction)
        validate(self.scheduler.state)
        self._fill_places()
        validate(self.scheduler.state)

    def _fill_places(self) -> None:
        queue = self.scheduler.ready("")
        while len(self.running) + len(self.cancelling) < self.places:
            task_id = next(iter(self.scheduler.startable("") if self.scheduler.state.chores else queue), None)
            if task_id is None:
                return
            self.scheduler.begin("", [task_id])
            self._begin(task_id)

    # -- what happens

    def request(
        self,
        keys: tuple[str, ...],
        tasks: tuple[str, ...],
        on_error: OnError,
        priority: int | None = None,
        fairness_key: str = "",
        in_parts: bool = False,
    ) -> int:
        run_id = len(self.requests) + 1
        self.requests[run_id] = Request(keys, tasks, on_error)
        how = on_error, priority, fairness_key
        if in_parts:
            self.tell(RunRequested(run_id, keys, (), *how, more=True))
            self.tell(TargetsAdded(run_id, (), tasks))
        else:
            self.tell(RunRequested(run_id, keys, tasks, *how))
        return run_id

    def cancel(self, run_id: int) -> None:
        self.requests[run_id].cancelled = True
        self.tell(RunsCancelled((run_id,)))
        assert self.requests[run_id].finish is not None or self.scheduler.state.chores

    def answer(self, keys: list[tuple[str, bool]], tasks: list[tuple[str, bool]]) -> None:
        """Answer a part of a question."""
        nobody_makes = [asked for asked in keys if asked[0] not in self.makers]
        if nobody_makes:
            self.cannot_look(nobody_makes, [])
            keys = [asked for asked in keys if asked not in nobody_makes]
        missing: list[tuple[str, str]] = []
        present: list[str] = []
        complete: list[str] = []
        incomplete: list[str] = []
        specs: dict[str, TaskSpec] = {}
        for asked in keys:
            self.keys_asked.remove(asked)
            key, was_there = asked
            if key in self.storage if self.strict else was_there:
                present.append(key)
            else:
                task_id = self.makers[key]
                missing.append((key, task_id))
                specs[task_id] = self.jobs[task_id].spec
                self.needed.add(task_id)
        if self.looks_on:
            self._look_on(missing, specs)
        for asked in tasks:
            self.tasks_asked.remove(asked)
            task_id, was_done = asked
            spec = specs[task_id] = self.jobs[task_id].spec
            if spec.outputs and (self.is_made(spec) if self.strict else was_done):
                complete.append(task_id)
            else:
                incomplete.append(task_id)
                self.needed.add(task_id)
        self.tell(
            Inspected(
                tuple(present),
                tuple(missing),
                tuple(complete),
                tuple(incomplete),
                tuple(specs.values()),
                found=(*present, *complete),
            )
        )

    def _look_on(self, missing: list[tuple[str, str]], specs: dict[str, TaskSpec]) -> None:
        seen = {key for key, _ in missing}
        for _, task_id in missing:  # it grows
            for key in self.jobs[task_id].spec.inputs:
                asks = key in self.makers and key not in self.storage and key not in self.scheduler.state.keys
                if asks and key not in seen:
                    seen.add(key)
                    maker = self.makers[key]
                    missing.append((key, maker))
                    specs[maker] = self.jobs[maker].spec
                    self.needed.add(maker)

    def cannot_look(self, keys: list[tuple[str, bool]], tasks: list[tuple[str, bool]]) -> None:
        for asked in keys:
            self.keys_asked.remove(asked)
        for asked in tasks:
            self.tasks_asked.remove(asked)
        error = ValueError("cannot look")
        self.tell(InspectionFailed(tuple(key for key, _ in keys), tuple(task_id for task_id, _ in tasks), error))

    def succeed(self, task_ids: list[str], ahead: int = 0) -> None:
        """Let tasks succeed, or find that inputs are gone.

        Args:
            task_ids: they run.
            ahead: so many that follow at most have succeeded, too, before they were ready.
        """
        done: list[str] = []
        for task_id in task_ids:
            spec = self.jobs[task_id].spec
            gone = tuple(key for key in spec.inputs if key not in self.storage)
            if gone and task_id in self.running:
                self.lose_inputs(task_id, gone)
            elif task_id in self.running:
                del self.running[task_id]
                self._publish(task_id)
                done.append(task_id)
        if done:
            followers = set(self.scheduler.successors_of(done[0]))
            self._tell_done(done, self._ahead_of(done, ahead))
            begun = self.running.keys() | self.scheduler.ready("").keys() | set(self.collected)
            chores = self.scheduler.state.consequences
            later = {each.spec.task_id for chore in chores if isinstance(chore, Arrival) for each in chore.readers}
            assert followers <= begun | later, f"{followers} were to start after {done[0]}"

    def _ahead_of(self, task_ids: list[str], count: int) -> list[str]:
        """Return tasks that an executor may have run behind these; they find all that they read."""
        made = {key for task_id in task_ids for key in self.jobs[task_id].spec.outputs} | self.storage
        ahead: dict[str, None] = {}
        stack = [*task_ids]
        for task_id in stack:  # it grows
            for follower in self.scheduler.successors_of(task_id):
                spec = self.jobs[follower].spec
                if len(ahead) < count and follower not in ahead and made.issuperset(spec.inputs):
                    ahead[follower] = None
                    made.update(spec.outputs)
                    stack.append(follower)
        return [*ahead]

    def _tell_done(self, task_ids: list[str], ahead: list[str]) -> None:
        nodes = {task_id: self.scheduler.state.nodes[task_id] for task_id in (*task_ids, *ahead)}
        counts = {task_id: self._counts(node) for task_id, node in nodes.items()}
        self.ahead, self.collected = set(ahead), []
        self.tell(Succeeded(tuple(task_ids), ahead=tuple(ahead)))
        self.counted += sum(counts[task_id] for task_id in (*task_ids, *self.collected))
        finished = (request.finish.ran for request in self.requests.values() if request.finish is not None)
        live = (run.ran for run in self.scheduler.state.runs.values())
        assert sum((*finished, *live)) == self.counted, "each that is wanted counts for one run"

    def _collect(self, task_ids: tuple[str, ...]) -> None:
        """Let tasks have run ahead. Of others that may have, their executor would keep the outcome: they have not."""
        assert self.ahead.issuperset(task_ids), "what has not succeeded is done"
        for task_id in task_ids:
            self._publish(task_id)
        self.collected += task_ids

    def _counts(self, node: Node) -> bool:
        """Whether a task counts for a run: the one it was discovered for, unless that is over, or one that wants it."""
        owner = node.owner
        if owner is not None and (owner.leaving or not owner.withdrawn):
            return True  # also one that is being cancelled, since a failure above it left nothing that wants it
        found, stack = {node: None}, [node]
        for each in stack:
            keys = [self.scheduler.state.keys.get(name) for name in each.spec.outputs]
            made = [key for key in keys if key is not None and key.producer is each]
            if each.runs or each.drained_by or any(key.targets for key in made):
                return True
            above = {**dict.fromkeys(each.parents), **{reader: None for key in made for reader in key.readers}}
            above = {other: None for other in above if not other.is_final}  # that one releases its inputs
            stack += [other for other in above if other not in found]
            found.update(above)
        return False

    def _publish(self, task_id: str) -> None:
        outputs = self.jobs[task_id].spec.outputs
        if self.strict and outputs:
            assert task_id not in self.published, f"{task_id} has run twice"
        self.published.add(task_id)
        self.storage.update(outputs)
        self.ran[task_id] += 1

    def hold_elsewhere(self, task_ids: list[str]) -> None:
        """Let another engine hold these."""
        for task_id in task_ids:
            del self.running[task_id]
            self.elsewhere[task_id] = None
        self.tell(HeldByPeer(tuple(task_ids)))

    def put_back(self, task_ids: list[str]) -> None:
        """Let tasks come back that have not begun."""
        for task_id in task_ids:
            self.running.pop(task_id, None)
            self.cancelling.pop(task_id, None)
        self.tell(PutBack(tuple(task_ids)))

    def free(self, task_ids: list[str]) -> None:
        """Let the other engine release these."""
        for task_id in task_ids:
            del self.elsewhere[task_id]
        self.tell(ReleasedByPeer(tuple(task_ids)))

    def make_elsewhere(self, task_ids: list[str]) -> None:
        """Let another engine make the outputs of these."""
        for task_id in task_ids:
            self.running.pop(task_id, None)
            self.elsewhere.pop(task_id, None)
            self.published.add(task_id)
            self.storage.update(self.jobs[task_id].spec.outputs)
        self.tell(DoneByPeer(tuple(task_ids)))

    @property
    def makeable(self) -> list[str]:
        """Return tasks that another engine could have done: they wait here, or are about to run."""
        nodes = self.scheduler.state.nodes.items()
        here = (READY, QUEUED)
        waiting = [id for id, node in nodes if node.state in here or (node.state == WAITING and node.group is None)]
        plain = [*self.running, *self.elsewhere, *waiting]
        return [task_id for task_id in plain if self.jobs[task_id].spec.outputs and not self.jobs[task_id].spec.dynamic]

    def lose_inputs(self, task_id: str, gone: tuple[str, ...]) -> None:
        self.running.pop(task_id, None)
        self.pulling.pop(task_id, None)
        if any(self.losses[task_id, key] >= MAX_LOSSES for key in gone):
            self._count_failure(task_id, "error")
        else:
            self.losses.update((task_id, key) for key in gone)
        self.tell(InputsLost(task_id, gone, FileNotFoundError(gone)))

    def fail(self, task_id: str, reason: Any) -> None:
        for at_work in (self.running, self.pulling, self.closing):
            at_work.pop(task_id, None)
        self._count_failure(task_id, reason)
        self.tell(Failed(task_id, RuntimeError(task_id), reason))

    def _count_failure(self, task_id: str, reason: str) -> None:
        self.ever_failed.add(task_id)
        node = self.scheduler.state.nodes.get(task_id)
        if node is not None and not node.demand:  # stopped runs drain it: it is not tried again
            self.failed.add(task_id)
        if reason == "lost" and not self.jobs[task_id].spec.dynamic:
            self.deaths[task_id] += 1
            if self.deaths[task_id] > self.scheduler.state.max_deaths:
                self.failed.add(task_id)
        elif reason == "error":
            self.attempts[task_id] += 1
            if self.attempts[task_id] > self.jobs[task_id].spec.retries:
                self.failed.add(task_id)
        else:
            self.failed.add(task_id)

    def end_cancelled(self, task_id: str, how: str) -> None:
        """End a cancelled task, perhaps as if it had not been cancelled yet."""
        del self.cancelling[task_id]
        spec = self.jobs[task_id].spec
        if how == "succeeded" and not spec.dynamic and self.storage.issuperset(spec.inputs):
            self._publish(task_id)
            self._tell_done([task_id], [])
        elif how == "failed":
            self.tell(Failed(task_id, RuntimeError(task_id), "error"))
        else:
            self.tell(Cancelled((task_id,)))

    def generate(self, task_id: str, count: int, *, hand_on: bool) -> None:
        """Let a dynamic task generate some tasks; with ``hand_on`` it goes on without being asked."""
        job = self.jobs[task_id]
        gone = tuple(key for key in job.spec.inputs if key not in self.storage)
        if gone and not self.given[task_id]:
            self.lose_inputs(task_id, gone)
            return
        start = self.given[task_id]
        given = job.gives[start : start + count]
        self.given[task_id] = start + len(given)
        last = self.given[task_id] >= len(job.gives) and not hand_on
        paused = not hand_on
        if paused:
            del self.pulling[task_id]
        self.offered.update(given)
        self.tell(Generated(task_id, given, paused=paused, last=last))

    def close(self, task_id: str) -> None:
        """Let a dynamic task store what no child has stored, and be done."""
        for key, place in self.closing.pop(task_id):
            known = {place, key} & (self.storage | self.vanished)
            assert known, f"{place} is held for {task_id}, and was never stored"
            self._lose(place)
        self._publish(task_id)
        self._tell_done([task_id], [])

    def over(self, task_id: str, attempt: int) -> None:
        self.delays.remove((task_id, attempt))
        self.tell(DelayOver(task_id, attempt))

    def verify(self, asked: do.Verify) -> None:
        self.verifying.remove(asked)
        self.tell(Verified(asked.run_id, tuple(key for key in asked.keys if key not in self.storage)))

    def resume(self) -> None:
        self.resuming -= 1
        self.tell(Resumed())

    def vanish(self, key: str) -> None:
        self.vanished.add(key)
        self._lose(key)

    # -- the end

    def drain(self) -> None:
        """Let everything that is active succeed, and what follows from it, until nothing is."""
        for _ in range(10_000):
            if self.resuming:
                self.resume()
            elif self.keys_asked or self.tasks_asked:
                self.answer(list(self.keys_asked), list(self.tasks_asked))
            elif self.cancelling:
                self.end_cancelled(next(iter(self.cancelling)), "cancelled")
            elif self.running:
                self.succeed(list(self.running))
            elif self.pulling:
                self.generate(next(iter(self.pulling)), 3, hand_on=False)
            elif self.closing:
                self.close(next(iter(self.closing)))
            elif self.elsewhere:
                self.free(list(self.elsewhere))
            elif self.delays:
                self.over(*self.delays[0])
            elif self.verifying:
                self.verify(self.verifying[0])
            else:
                break
        else:
            raise AssertionError("there is no end to it")
        state = self.scheduler.state
        unfinished = [run_id for run_id, request in self.requests.items() if request.finish is None]
        assert not unfinished, f"runs {unfinished} do not end"
        assert not state.runs
        assert not state.nodes
        assert not state.keys
        validate(state)
