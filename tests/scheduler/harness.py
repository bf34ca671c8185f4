"""A harness for exact histories: events in, instructions out, and everything counted again in between.

Tasks are capital letters, and each makes the key of its small letter unless stated otherwise: ``B`` reads ``a`` and
makes ``b``. Several names are one string: ``"a b"``.
"""

from __future__ import annotations

from typing import Any

from alexflow.scheduler import Scheduler, TaskSpec
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
    PutBack,
    ReleasedByPeer,
    Resumed,
    RunRequested,
    RunsCancelled,
    Succeeded,
    Verified,
)
from alexflow.scheduler.instructions import (
    Cancel,
    Collect,
    Finish,
    Forget,
    GaveUp,
    Inspect,
    Instruction,
    Remove,
    Start,
    TryAgain,
    Verify,
)
from tests.scheduler.invariants import validate

ERROR = RuntimeError("no luck")


def words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


class Harness:
    """A scheduler, the tasks that may be described to it, and short names for events.

    What may start begins at once, as if there were a place for each task; without ``places`` the test says when.
    Reports of failed attempts are in ``reports``, not among the instructions that are returned.
    """

    def __init__(self, *, steps: int = 1000, places: bool = True, **options: Any):
        self.places = places
        self.scheduler = Scheduler(steps_per_turn=steps, **options)
        self.specs: dict[str, TaskSpec] = {}
        self.makers: dict[str, str] = {}
        self.reports: list[TryAgain | GaveUp] = []

    def task(self, name: str, reads: str = "", makes: str | None = None, **more: Any) -> None:
        outputs = (name.lower(),) if makes is None else words(makes)
        ephemeral = frozenset(words(more.pop("ephemeral", "")))
        tags = words(more.pop("tags", ""))
        self.specs[name] = TaskSpec(name, words(reads), ephemeral, outputs, tags, **more)
        for key in outputs:
            self.makers.setdefault(key, name)

    def chain(self, *names: str, **more: Any) -> None:
        """Add tasks that each read the output of the one before."""
        before = ""
        for name in names:
            self.task(name, before, **more)
            before = name.lower()

    def tell(self, event: Event) -> list[Instruction]:
        instructions = self.scheduler.handle(event)
        validate(self.scheduler.state)
        if self.places:
            self.begin(self.queued)
            validate(self.scheduler.state)
        self.reports = [each for each in instructions if isinstance(each, TryAgain | GaveUp)]
        assert instructions[: len(self.reports)] == self.reports, "reports come before other tasks start"
        return [_unnumbered(instruction) for instruction in instructions[len(self.reports) :]]

    # -- places

    @property
    def queued(self) -> str:
        """The tasks that wait for a place, in order."""
        return " ".join(self.scheduler.ready(""))

    def begin(self, tasks: str) -> None:
        """Have a place for these."""
        self.scheduler.begin("", words(tasks))

    def back(self, tasks: str) -> list[Instruction]:
        return self.tell(PutBack(words(tasks)))

    # -- requests

    def ask(
        self,
        run_id: int,
        keys: str = "",
        tasks: str = "",
        on_error: Any = "stop",
        *,
        priority: int | None = None,
        fairness_key: str = "",
    ) -> list[Instruction]:
        return self.tell(RunRequested(run_id, words(keys), words(tasks), on_error, priority, fairness_key))

    def cancel(self, run_id: int) -> list[Instruction]:
        return self.tell(RunsCancelled((run_id,)))

    # -- answers

    def look(
        self,
        missing: str = "",
        *,
        present: str = "",
        complete: str = "",
        incomplete: str = "",
        described: str = "",
        found: str = "",
        question: int | None = None,
    ) -> list[Instruction]:
        answers = tuple((key, self.makers[key]) for key in words(missing))
        names = dict.fromkeys([*(task for _, task in answers), *words(incomplete), *words(described)])
        specs = tuple(self.specs[name] for name in names)
        looked_at = words(present), answers, words(complete), words(incomplete)
        return self.tell(Inspected(*looked_at, specs, words(found), question))

    def plan(self, keys: str, *, on_error: Any = "stop", run_id: int = 1, **more: Any) -> list[Instruction]:
        """Request keys, and answer that everything is missing. Returns the instructions of the last answer."""
        instructions = self.ask(run_id, keys, on_error=on_error, **more)
        while True:
            asked = [key for instruction in instructions for key in getattr(instruction, "keys", ())]
            if not asked:
                return instructions
            instructions = self.look(" ".join(asked))

    def cannot_look(self, keys: str = "", tasks: str = "") -> list[Instruction]:
        return self.tell(InspectionFailed(words(keys), words(tasks), ERROR))

    def done(self, tasks: str, ahead: str = "") -> list[Instruction]:
        return self.tell(Succeeded(words(tasks), ahead=words(ahead)))

    def fail(self, task: str, reason: Any = "error", chance: float = 0.5) -> list[Instruction]:
        return self.tell(Failed(task, ERROR, reason, chance))

    def lost(self, task: str, keys: str) -> list[Instruction]:
        return self.tell(InputsLost(task, words(keys), ERROR))

    def held(self, tasks: str) -> list[Instruction]:
        return self.tell(HeldByPeer(words(tasks)))

    def free(self, tasks: str) -> list[Instruction]:
        return self.tell(ReleasedByPeer(words(tasks)))

    def made(self, tasks: str) -> list[Instruction]:
        return self.tell(DoneByPeer(words(tasks)))

    def ended(self, task: str) -> list[Instruction]:
        return self.tell(Cancelled((task,)))

    def gave(self, task: str, tasks: str = "", *, paused: bool = True, last: bool = False) -> list[Instruction]:
        return self.tell(Generated(task, words(tasks), paused=paused, last=last))

    def over(self, task: str, attempt: int) -> list[Instruction]:
        return self.tell(DelayOver(task, attempt))

    def seen(self, run_id: int, missing: str = "") -> list[Instruction]:
        return self.tell(Verified(run_id, words(missing)))

    def resume(self) -> list[Instruction]:
        return self.tell(Resumed())

    @property
    def empty(self) -> bool:
        state = self.scheduler.state
        return not (state.runs or state.nodes or state.keys or state.checks)


def _unnumbered(instruction: Instruction) -> Instruction:
    return Inspect(instruction.keys, instruction.tasks) if isinstance(instruction, Inspect) else instruction


def without_places(tasks: str = "", **options: Any) -> Harness:
    """Return a harness with tasks that need nothing, and no place for any."""
    h = Harness(places=False, **options)
    for name in tasks.split():
        h.task(name)
    return h


def finish_of(instructions: list[Instruction]) -> Finish:
    """Return the one ``Finish`` among instructions."""
    (finish,) = [instruction for instruction in instructions if isinstance(instruction, Finish)]
    return finish


def inspect(keys: str = "", tasks: str = "") -> Inspect:
    return Inspect(words(keys), words(tasks))


def start(tasks: str) -> Start:
    return Start(words(tasks))


def cancel(tasks: str) -> Cancel:
    return Cancel(words(tasks))


def remove(keys: str) -> Remove:
    return Remove(words(keys))


def verify(run_id: int, keys: str) -> Verify:
    return Verify(run_id, words(keys))


def collect(tasks: str) -> Collect:
    return Collect(words(tasks))


def forget(tasks: str) -> Forget:
    return Forget(words(tasks))


def failure(run_id: int, tasks: str, *, skipped: str = "", ran: int = 0, cached: int = 0) -> Finish:
    """Return the end of a run with these failures; ``B<A`` was skipped because of A, ``B`` because the run stopped."""
    failures = tuple((task, ERROR) for task in words(tasks))
    because = tuple((task, failed) for task, _, failed in (word.partition("<") for word in words(skipped)))
    return Finish(run_id, failures=failures, ran=ran, cached=cached, skipped=because)
