"""Judging a trial: it is compared with the :class:`Oracle`, and with its own history.

If faults leave the outcome of a request open, two oracles give the best and the worst outcome. At worst, each task
fails that met with more faults than it may survive, and no output exists that ever vanished.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from alexflow.scheduler.failure import MAX_LOSSES
from alexflow.scheduler.machine import MAX_DEATHS
from tests.simulation.oracle import Oracle
from tests.simulation.scenario import RequestPlan, Scenario, TaskPlan
from tests.simulation.trial import Outcome, Phase, Trial, targets_of, values_of


def complaints(trial: Trial) -> list[str]:
    """Return everything that is wrong with a trial."""
    return list(dict.fromkeys(_complaints(trial)))


def _complaints(trial: Trial) -> Iterator[str]:
    if trial.crash:
        yield trial.crash
        return
    for phase in (trial.storm, *trial.calm):
        judge = _Judge(trial.scenario, phase)
        yield from judge.values()
        yield from judge.removals()
        yield from judge.executions()
        yield from judge.limits()
        yield from judge.answers()
        yield from judge.leftovers()
        for outcome in phase.outcomes:
            yield from judge.request(outcome)
    for phase in trial.calm:
        yield from _Judge(trial.scenario, phase).alone()


class _Judge:
    """Judges one phase."""

    def __init__(self, scenario: Scenario, phase: Phase):
        self._scenario = scenario
        self._phase = phase
        self._plans = {plan.name: plan for plan in scenario.tasks}
        self._producers = {key: plan.name for plan in scenario.tasks for key in plan.outputs}
        self._vanished = {entry.whom for entry in phase.entries if entry.what == "vanished"}
        self._removed = {entry.whom for entry in phase.entries if entry.what == "removed"}
        self._no_answers = {entry.whom for entry in phase.entries if entry.what == "no answer"}
        self._forced = self._readers_of({name for outcome in phase.outcomes for name in outcome.plan.force})
        forced_keys = {key for name in self._forced for key in self._plans[name].outputs}
        self._lasting = phase.before - self._vanished - self._removed - forced_keys
        self._suspects = set(self._find_suspects())
        self._at_best = self._oracle(phase.before, scenario.doomed)
        self._at_worst = self._oracle(self._lasting, scenario.doomed | self._suspects)

    def _oracle(self, stored: frozenset[str], bad: set[str]) -> Oracle:
        plans = self._scenario.tasks
        return Oracle({plan.name: plan.spec for plan in plans}, {plan.name: plan.gives for plan in plans}, stored, bad)

    def _find_suspects(self) -> Iterator[str]:
        """Yield tasks that met with more faults than they may survive, or may have."""
        ends = Counter((entry.whom, entry.detail) for entry in self._phase.entries if entry.what == "ends")
        for name, plan in self._plans.items():
            lost_inputs = max([ends[name, "input"], sum(key in self._vanished for key in plan.inputs)])
            errors = ends[name, "error"] + (ends[name, "cancelled"] if self._scenario.timeout else 0)
            if (
                errors > plan.retries
                or ends[name, "lost"] > MAX_DEATHS
                or lost_inputs > MAX_LOSSES
                or (plan.is_dynamic and self._may_have_failed(plan))
            ):
                yield name

    def _may_have_failed(self, plan: TaskPlan) -> bool:
        """Return whether a dynamic task may have failed; the history does not say how it ended."""
        unpublished = {entry.whom for entry in self._phase.entries if entry.what in ("not stored", "not confirmed")}
        lost = self._vanished.union(self._removed, unpublished)
        return bool(lost.intersection(plan.outputs) or self._no_answers or self._scenario.timeout)

    def _readers_of(self, names: set[str]) -> set[str]:
        """Return these tasks and all that read their outputs, directly or not."""
        found = set(names)
        for plan in self._scenario.tasks:  # those that read come after those that make
            if found.intersection(self._producers[key] for key in plan.inputs):
                found.add(plan.name)
        return found

    # -- of all

    def values(self) -> Iterator[str]:
        """Check that every stored value is right."""
        values = values_of(self._scenario)
        for key, value in self._phase.after.items():
            if value != values[key]:
                yield f"{key} holds {value}, not {values[key]}"

    def removals(self) -> Iterator[str]:
        """Check that only outputs made here were removed, none that existed before."""
        made: set[str] = set()
        for entry in self._phase.entries:
            if entry.what == "published":
                made.add(entry.whom)
            elif entry.what == "removed" and entry.whom not in made:
                yield f"{entry.whom} was removed, and was there before"

    def executions(self) -> Iterator[str]:
        """Check that no task began that was not needed, or whose outputs existed already."""
        stored = set(self._phase.before)
        asking: dict[int, RequestPlan] = {}
        leaving: list[int] = []  # callers that have gone, without an event for the scheduler yet
        plans = {outcome.number: outcome.plan for outcome in self._phase.outcomes}
        unsure: set[str] = set()  # tasks whose last end was not reported, or was no success
        for entry in self._phase.entries:
            if entry.what == "published":
                stored.add(entry.whom)
            elif entry.what in ("vanished", "removed"):
                stored.discard(entry.whom)
                unsure.add(self._producers[entry.whom])  # it may have been inspected while it was not there
            elif entry.what == "asks" and entry.nth in plans:
                asking[entry.nth] = plans[entry.nth]
            elif entry.what == "answered":
                if entry.detail == "cancelled":
                    leaving.append(entry.nth)
                else:
                    asking.pop(entry.nth, None)
            elif entry.whom == "RunsCancelled":
                for _ in entry.detail.split(","):
                    if leaving:
                        asking.pop(leaving.pop(0), None)
            elif entry.what == "ends":
                (unsure.discard if entry.detail == "done" else unsure.add)(entry.whom)
            elif entry.what == "begins":
                yield from self._beginning(entry.whom, asking, stored, unsure)

    def _beginning(
        self, name: str, asking: dict[int, RequestPlan], stored: set[str], unsure: set[str]
    ) -> Iterator[str]:
        plan = self._plans[name]
        if not any(name in self._needed(request) for request in asking.values()):
            yield f"{name} began, and was not needed"
        exists = plan.outputs and stored.issuperset(plan.outputs)
        if exists and name not in unsure and name not in self._forced:
            yield f"{name} began, and all that it makes existed already"

    def _needed(self, request: RequestPlan) -> set[str]:
        """Return tasks that may have to run for a request."""
        names = [*request.tasks, *(self._producers[key] for key in request.keys if key not in self._lasting)]
        needed: set[str] = set()
        while names:
            name = names.pop()
            plan = self._plans[name]
            done = plan.outputs and self._lasting.issuperset(plan.outputs)
            if name not in needed and not done:
                needed.add(name)
                names += [self._producers[key] for key in plan.inputs if key not in self._lasting]
                names += plan.gives
        return needed

    def limits(self) -> Iterator[str]:
        """Check that no more tasks ran at once than the limits allow."""
        running: Counter[str] = Counter()
        for entry in self._phase.entries:
            if entry.what in ("begins", "ends"):
                for tag in self._plans[entry.whom].tags:
                    running[tag] += 1 if entry.what == "begins" else -1
                    if running[tag] > self._scenario.limits.get(tag, len(self._plans)):
                        yield f"{running[tag]} tasks tagged {tag} ran at once, {entry.whom} the last of them"

    def answers(self) -> Iterator[str]:
        """Check that each request was answered."""
        asked = {entry.nth for entry in self._phase.entries if entry.what == "asks"}
        answered = [outcome.number for outcome in self._phase.outcomes]
        for number in sorted(asked.difference(answered)):
            yield f"request {number} was not answered"

    def leftovers(self) -> Iterator[str]:
        """Check that the engine keeps nothing of what has ended."""
        for what in self._phase.left_over:
            yield f"left over is a {what}"

    # -- of one request

    def request(self, outcome: Outcome) -> Iterator[str]:
        """Check the outcome of a request."""
        plan, which = outcome.plan, f"request {outcome.number}"
        if outcome.how == "error" and not self._no_answers:
            yield f"{which} came to {outcome.error}"
        if outcome.how not in ("ok", "failed"):
            return
        may_go_well = self._at_best.all(plan.keys, plan.tasks)
        must_go_well = self._at_worst.all(plan.keys, plan.tasks) and not self._vanished & self._targets(outcome)
        if outcome.how == "ok":
            lacking = set(outcome.lacking) - self._vanished
            if lacking:
                yield f"{which} went well without {', '.join(sorted(lacking))}"
            if not may_go_well:
                yield f"{which} went well, and cannot have"
        else:
            if must_go_well:
                yield f"{which} failed, and nothing explains it: {', '.join(outcome.failures)}"
            yield from self._failure(outcome, which)

    def _targets(self, outcome: Outcome) -> set[str]:
        return targets_of(self._scenario, outcome.plan)

    def _failure(self, outcome: Outcome, which: str) -> Iterator[str]:
        bad = self._scenario.doomed | self._suspects | self._vanished
        if outcome.plan.on_error == "stop" or any(plan.is_dynamic for plan in self._scenario.tasks):
            # a task that was given up, and is only drained, is not tried again
            bad = bad.union(
                entry.whom for entry in self._phase.entries if entry.what == "ends" and entry.detail != "done"
            )
        if not outcome.failures:
            yield f"{which} failed without a failure"
        for name in outcome.failures:
            if name not in bad:
                yield f"{which} says that {name} failed, and it cannot have"
        if outcome.plan.on_error == "continue":
            for name in outcome.skipped:
                if self._at_worst.task(name) == "done":
                    yield f"{which} skipped {name}, and need not have"
            yield from self._went_on(outcome, which)

    def _went_on(self, outcome: Outcome, which: str) -> Iterator[str]:
        """Check that everything independent of failed tasks was made."""
        for key in sorted(self._targets(outcome)):
            gone = key in self._vanished or key in self._removed
            if not gone and self._at_worst.key(key) and key not in self._phase.after:
                yield f"{which} did not make {key}, and could have"

    # -- of a request that was alone, in peace

    def alone(self) -> Iterator[str]:
        """Check that exactly the tasks ran, failed and were skipped that had to."""
        plans = self._scenario.tasks
        if any(plan.is_dynamic for plan in plans) and any(plan.ephemeral for plan in plans):
            return  # what is given again may have been removed meanwhile, and is made again then
        for outcome in self._phase.outcomes:
            oracle = self._oracle(self._phase.before, self._scenario.doomed)
            went_well = oracle.all(outcome.plan.keys, outcome.plan.tasks)
            if went_well or outcome.plan.on_error == "continue":
                yield from self._exactly(outcome, oracle)
            begun = Counter(entry.whom for entry in self._phase.entries if entry.what == "begins")
            for name, times in begun.items():
                if times > self._most_attempts(name):
                    yield f"{name} began {times} times in peace"

    def _most_attempts(self, name: str) -> int:
        if self._at_best.task(name) == "done":
            return 1
        givers = sum(plan.is_dynamic for plan in self._scenario.tasks)  # which may want it again after it has failed
        return (1 + self._plans[name].retries) * (1 + givers)

    def _exactly(self, outcome: Outcome, oracle: Oracle) -> Iterator[str]:
        ran = {entry.whom for entry in self._phase.entries if entry.what == "begins"}
        compared = {
            "what ran": (ran, oracle.ended("done") | oracle.ended("failed") | self._generated(oracle)),
            "what failed": (set(outcome.failures), oracle.ended("failed")),
        }
        if outcome.plan.on_error == "continue":
            compared["what was skipped"] = (set(outcome.skipped), oracle.ended("skipped"))
        for what, (was, should) in compared.items():
            if was != should:
                yield f"in peace, {what} is {sorted(was)} and should be {sorted(should)}"

    def _generated(self, oracle: Oracle) -> set[str]:
        """Return dynamic tasks that began, and were skipped because of a child."""
        return {
            name
            for name in oracle.ended("skipped")
            if self._plans[name].is_dynamic and all(oracle.key(key) for key in self._plans[name].inputs)
        }
