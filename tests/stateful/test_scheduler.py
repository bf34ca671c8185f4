"""Random graphs that grow while they run, random answers in random order, compared with what must follow."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from alexflow.scheduler import Scheduler, TaskSpec
from tests.stateful.thoroughness import PROFILE
from tests.stateful.world import World

LIMITS = {"gpu": 1, "net": 2}


class Tasks(RuleBasedStateMachine):
    """A sound graph, and answers that are true when they come."""

    strict = True

    @initialize(
        steps=st.sampled_from([1, 2, 3, 1000]),
        window=st.sampled_from([1, 2, 4]),
        deaths=st.sampled_from([0, 1]),
        places=st.sampled_from([1, 2, 4, 1000]),
        prioritized=st.booleans(),
        looks_on=st.booleans(),
        draw=st.data(),
    )
    def begin(
        self, steps: int, window: int, deaths: int, places: int, prioritized: bool, looks_on: bool, draw: Any
    ) -> None:
        scheduler = Scheduler(
            LIMITS, window=window, max_deaths=deaths, steps_per_turn=steps, case_sensitive=self.strict
        )
        self.prioritized = prioritized
        self.world = World(scheduler, places=places, strict=self.strict, looks_on=looks_on)
        for _ in range(draw.draw(st.integers(2, 8))):
            self._grow(draw)
        self.ask_for_something(draw)

    # -- the graph grows

    @rule(draw=st.data())
    def grow(self, draw: Any) -> None:
        if len(self.world.jobs) < 25:
            self._grow(draw)

    def _grow(self, draw: Any) -> None:
        world = self.world
        name = f"t{len(world.jobs)}"
        inputs = self._some(draw, self._known_keys(), 3)
        outputs = tuple(f"{name}.{part}" for part in "abc"[: draw.draw(st.integers(0, 3))])
        kind = draw.draw(st.sampled_from(["plain", "plain", "plain", "dynamic", "dynamic, by a child"]))
        gives = self._some(draw, self._known_tasks(), 5) if kind != "plain" else ()
        spec = TaskSpec(
            name,
            inputs,
            frozenset(self._some(draw, inputs, 2)),
            self._more_outputs(draw, outputs),
            self._some(draw, list(LIMITS), 2),
            kind != "plain",
            draw.draw(st.sampled_from([0, 0, 1, 2])),
            1.0,
            acyclic=self.strict and draw.draw(st.booleans()),  # it reads only what was there before
            priority=draw.draw(st.sampled_from([None, None, 2, -2])) if self.prioritized else None,
        )
        world.add(spec, gives)
        if kind == "dynamic, by a child" and outputs:
            inputs = self._some(draw, self._known_keys(without=outputs), 2)
            held = f"{name}+.held"
            child = TaskSpec(f"{name}+", inputs, outputs=(held,), serves=((outputs[0], held),))
            world.add(child)
            world.add(spec, (*gives, child.task_id))

    def _known_keys(self, without: tuple[str, ...] = ()) -> list[str]:
        return [key for key in self.world.makers if key not in without and "+" not in key]

    def _known_tasks(self) -> list[str]:
        """Return all tasks but those that serve the one dynamic task that may generate them."""
        return [task_id for task_id in self.world.jobs if "+" not in task_id]

    def _more_outputs(self, draw: Any, outputs: tuple[str, ...]) -> tuple[str, ...]:
        return outputs

    def _some(self, draw: Any, names: Any, at_most: int) -> tuple[str, ...]:
        if not names:
            return ()
        return tuple(draw.draw(st.lists(st.sampled_from(list(names)), max_size=at_most, unique=True)))

    # -- requests

    @rule(draw=st.data())
    def ask_for_something(self, draw: Any) -> None:
        keys = self._some(draw, [key for key in self.world.makers if "+" not in key], 3)
        tasks = self._some(draw, self._known_tasks(), 2)
        on_error = draw.draw(st.sampled_from(["stop", "continue"]))
        priority = draw.draw(st.sampled_from([None, None, 0, 1, -1])) if self.prioritized else None
        fairness_key = draw.draw(st.sampled_from(["", "t", "u"])) if self.prioritized else ""
        if len(self.world.requests) < 8:
            in_parts = draw.draw(st.booleans())
            self.world.request(keys, tasks, cast(Any, on_error), priority, fairness_key, in_parts)

    @precondition(lambda self: any(request.finish is None for request in self.world.requests.values()))
    @rule(draw=st.data())
    def cancel_a_run(self, draw: Any) -> None:
        live = [run_id for run_id, request in self.world.requests.items() if request.finish is None]
        self.world.cancel(draw.draw(st.sampled_from(live)))

    # -- answers

    @precondition(lambda self: self.world.keys_asked or self.world.tasks_asked)
    @rule()
    def answer_all(self) -> None:
        self.world.answer(list(self.world.keys_asked), list(self.world.tasks_asked))

    @precondition(lambda self: self.world.keys_asked or self.world.tasks_asked)
    @rule(draw=st.data())
    def answer_some(self, draw: Any) -> None:
        self.world.answer(*self._asked(draw))

    def _asked(self, draw: Any) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
        world = self.world
        everything = [(kind, i) for kind in ("keys_asked", "tasks_asked") for i in range(len(getattr(world, kind)))]
        chosen = draw.draw(st.lists(st.sampled_from(everything), min_size=1, max_size=4, unique=True))
        keys = [world.keys_asked[i] for kind, i in chosen if kind == "keys_asked"]
        tasks = [world.tasks_asked[i] for kind, i in chosen if kind == "tasks_asked"]
        return keys, tasks

    @precondition(lambda self: self.world.running)
    @rule(draw=st.data(), ahead=st.sampled_from([0, 0, 1, 4]))
    def succeed(self, draw: Any, ahead: int) -> None:
        running = st.sampled_from(list(self.world.running))
        self.world.succeed(draw.draw(st.lists(running, min_size=1, max_size=3, unique=True)), ahead)

    @precondition(lambda self: self.world.running)
    @rule(draw=st.data(), reason=st.sampled_from(["error", "error", "lost", "lost", "fatal"]))
    def fail(self, draw: Any, reason: str) -> None:
        self.world.fail(draw.draw(st.sampled_from(list(self.world.running))), reason)

    @precondition(lambda self: self.world.running)
    @rule(draw=st.data())
    def hold_elsewhere(self, draw: Any) -> None:
        running = st.sampled_from(list(self.world.running))
        self.world.hold_elsewhere(draw.draw(st.lists(running, min_size=1, max_size=3, unique=True)))

    @precondition(lambda self: self.world.running)
    @rule(draw=st.data())
    def put_back(self, draw: Any) -> None:
        jobs = self.world.jobs
        cancelling = [task_id for task_id in self.world.cancelling if not jobs[task_id].spec.dynamic]
        taken = st.sampled_from([*self.world.running, *cancelling])
        self.world.put_back(draw.draw(st.lists(taken, min_size=1, max_size=3, unique=True)))

    @precondition(lambda self: self.world.elsewhere)
    @rule(draw=st.data())
    def free(self, draw: Any) -> None:
        held = st.sampled_from(list(self.world.elsewhere))
        self.world.free(draw.draw(st.lists(held, min_size=1, max_size=3, unique=True)))

    @precondition(lambda self: self.world.makeable)
    @rule(draw=st.data())
    def make_elsewhere(self, draw: Any) -> None:
        made = st.sampled_from(self.world.makeable)
        self.world.make_elsewhere(draw.draw(st.lists(made, min_size=1, max_size=3, unique=True)))

    @precondition(lambda self: self.world.pulling or self.world.closing)
    @rule(draw=st.data(), reason=st.sampled_from(["error", "error", "lost", "fatal"]))
    def fail_dynamic(self, draw: Any, reason: str) -> None:
        self.world.fail(draw.draw(st.sampled_from([*self.world.pulling, *self.world.closing])), reason)

    @precondition(lambda self: self.world.pulling)
    @rule(draw=st.data(), count=st.integers(0, 3), hand_on=st.booleans())
    def generate(self, draw: Any, count: int, hand_on: bool) -> None:
        self.world.generate(draw.draw(st.sampled_from(list(self.world.pulling))), count, hand_on=hand_on)

    @precondition(lambda self: self.world.closing)
    @rule(draw=st.data())
    def close(self, draw: Any) -> None:
        self.world.close(draw.draw(st.sampled_from(list(self.world.closing))))

    @precondition(lambda self: self.world.cancelling)
    @rule(draw=st.data(), how=st.sampled_from(["cancelled", "succeeded", "failed"]))
    def end_cancelled(self, draw: Any, how: str) -> None:
        self.world.end_cancelled(draw.draw(st.sampled_from(list(self.world.cancelling))), how)

    @precondition(lambda self: self.world.delays)
    @rule(draw=st.data())
    def delay_is_over(self, draw: Any) -> None:
        self.world.over(*draw.draw(st.sampled_from(self.world.delays)))

    @precondition(lambda self: self.world.verifying)
    @rule(draw=st.data())
    def verify(self, draw: Any) -> None:
        self.world.verify(draw.draw(st.sampled_from(self.world.verifying)))

    @precondition(lambda self: self.world.resuming)
    @rule()
    def resume(self) -> None:
        self.world.resume()

    # -- the storage

    @precondition(lambda self: self.world.storage)
    @rule(draw=st.data())
    def vanish(self, draw: Any) -> None:
        self.world.vanish(draw.draw(st.sampled_from(sorted(self.world.storage))))

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.drain()


class WildTasks(Tasks):
    """Graphs with cycles and conflicts, storages that do not answer, answers that come too late to be true."""

    strict = False

    def _known_keys(self, without: tuple[str, ...] = ()) -> list[str]:
        later = [f"t{number}.a" for number in range(25)]
        return [*super()._known_keys(without), *later]

    def _more_outputs(self, draw: Any, outputs: tuple[str, ...]) -> tuple[str, ...]:
        others = self._some(draw, list(self.world.makers), 1) if draw.draw(st.integers(0, 9)) == 0 else ()
        alike = tuple(key.upper() for key in others) if draw.draw(st.booleans()) else others
        return tuple(dict.fromkeys([*outputs, *alike]))

    @precondition(lambda self: self.world.keys_asked or self.world.tasks_asked)
    @rule(draw=st.data())
    def cannot_look(self, draw: Any) -> None:
        self.world.cannot_look(*self._asked(draw))


TestTasks = Tasks.TestCase
TestTasks.settings = PROFILE
TestWildTasks = WildTasks.TestCase
TestWildTasks.settings = PROFILE
