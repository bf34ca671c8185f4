"""The scheduler's memory: what is wanted, what is known of it, and what waits for what.

Only live things are here. A task that has ended and a key that is not read any more are dropped, so that memory follows
the frontier of the graph, not its past.

    Run ──targets──▶ Key ◀──readers── Node        a key knows its readers
     └──targets──▶ Node ◀──producer── Key         and its producer
                    ▲└──parents──▶ Node           a generated task knows its dynamic tasks

A node is *wanted* by the keys it makes that have readers or are targets, by runs, and by parents; ``demand`` counts
these. At zero it is dropped, and so may be what only it wanted: work per event follows the change, never the graph.
``tests/scheduler/invariants.py`` counts everything here again, and so holds the invariants.

Each count is changed by the methods here only: ``Node.demand`` by :meth:`Node.add_demand` and :meth:`Node.drop_demand`,
``Key.targets`` by :meth:`Key.add_target`, :meth:`Key.drop_target` and :meth:`Key.take_targets`, ``State.active`` by
:meth:`State.activate` and its like.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import Any, Final

from alexflow.early_growth import EarlyGrowth
from alexflow.scheduler.events import OnError, TaskSpec
from alexflow.scheduler.id_set import IdSet
from alexflow.scheduler.instructions import Outbox
from alexflow.scheduler.links import Links, linked
from alexflow.scheduler.ready_queue import ReadyQueue
from alexflow.scheduler.slots import Slots
from alexflow.scheduler.states import ACTIVE, FINAL, TRANSITIONS, WAITING

CHECKING: Final = "checking"  # an Inspect asks whether it exists
MISSING: Final = "missing"  # it does not; its producer is known
PRESENT: Final = "present"
UNKNOWN: Final = "unknown"  # a new request for it has it inspected; its readers rely on what was known

#: Tasks found done that a run keeps, so as to count each once: some 10 MB. As many that ran: some 1 MB.
MAX_FOUND_KEPT = 100_000

_NO_CHILDREN: dict[str, None] = {}
_NOTHING_HELD: dict[str, str] = {}
_NO_LOSSES: dict[str, int] = {}
_NO_TARGETS: dict[RunState, None] = {}


class Node:
    """A task that is wanted and not done."""

    __slots__ = (
        "attempts",
        "by_class",
        "children",
        "deaths",
        "demand",
        "drained_by",
        "exhausted",
        "fairness_key",
        "first_failure",
        "group",
        "held",
        "indegree",
        "losses",
        "missing",
        "owner",
        "parents",
        "priority",
        "pulling",
        "runs",
        "spec",
        "state",
    )

    def __init__(self, spec: TaskSpec, owner: RunState | None, group: Group | None):
        self.spec = spec
        self.state: str = WAITING
        self.owner = owner  # the run for which it counts, until that has withdrawn
        self.group = group  # while its part of the graph is not known whole
        self.priority = 0  # the highest that anything which wants it has
        self.by_class = True  # a request that wants it says no priority: those of classes count
        self.fairness_key = ""  # of the run that it was discovered for
        self.missing = 0  # inputs that are not present, counted while WAITING
        self.indegree = 0  # inputs made by its own group, while that is searched for cycles
        self.demand = 0
        self.runs: Links[RunState] = ()  # that have it as a target
        self.parents: Links[Node] = ()  # dynamic tasks that generated it
        self.drained_by: Links[RunState] = ()  # runs that do not want it any more, but wait for its end
        self.attempts = 0
        self.deaths = 0
        self.losses: dict[str, int] = _NO_LOSSES  # how often each of its inputs was found gone
        self.children: dict[str, None] = {} if spec.dynamic else _NO_CHILDREN  # dynamic: generated and not done
        self.held: dict[str, str] = {} if spec.dynamic else _NOTHING_HELD  # dynamic: keys that its children make for it
        self.exhausted = False  # dynamic: it generates no more
        self.pulling = False  # dynamic: asked for more
        self.first_failure: tuple[str, Any] | None = None  # dynamic: the first child that failed, and its error

    def move(self, cause: str) -> None:
        """Go to the state that the table gives."""
        self.state = TRANSITIONS[self.state, cause]

    def add_demand(self, count: int = 1) -> None:
        """Count that so many more want it."""
        self.demand += count

    def drop_demand(self, unwanted: list[Node]) -> None:
        """Count that one less wants it; the last one adds it to ``unwanted``."""
        self.demand -= 1
        if self.demand == 0:
            unwanted.append(self)

    @property
    def is_active(self) -> bool:
        """Whether it was started and has not ended."""
        return self.state in ACTIVE

    @property
    def is_final(self) -> bool:
        """Whether it has left memory."""
        return self.state in FINAL

    def __repr__(self) -> str:
        return f"<Node {self.spec.task_id} {self.state}>"


class Key:
    """An output that is read or targeted, or that a live task makes."""

    __slots__ = (
        "asked",
        "ephemeral",
        "group",
        "keep",
        "key",
        "made",
        "producer",
        "readers",
        "seen",
        "state",
        "targets",
    )

    def __init__(self, key: str, state: str, group: Group | None = None, asked: int = 0):
        self.key = key
        self.state = state
        self.readers: dict[Node, None] = {}  # tasks that are not done; insertion order
        self.targets: dict[RunState, None] = _NO_TARGETS  # runs that have it as a target: of some keys, very many
        self.producer: Node | None = None  # while MISSING; else a live task that claims to make it
        self.group = group  # while CHECKING
        self.asked = asked  # the number of the question, while CHECKING
        self.ephemeral = False  # a reader allows its removal
        self.keep = False  # it is used as not ephemeral
        self.made = False  # it was missing, and a task here has made it
        self.seen = False  # it was present at some time: its producer has been counted

    @property
    def demanded(self) -> bool:
        """Whether it is read or targeted."""
        return bool(self.readers or self.targets)

    def add_target(self, run: RunState) -> None:
        """Make it a target of a run, not settled yet."""
        if not self.targets:
            self.targets = {}
        self.targets[run] = None
        self.keep = True
        run.keys.append(self.key)
        run.open += 1

    def drop_target(self, run: RunState) -> None:
        """Take the run's interest away, without settling the target."""
        self.targets.pop(run, None)

    def take_targets(self) -> tuple[RunState, ...]:
        """Return the runs that have it as a target, which it is not from now on: the caller settles it for each."""
        targets, self.targets = tuple(self.targets), _NO_TARGETS
        return targets


class TaskCheck:
    """A task that was requested or generated, of which nothing is known yet."""

    __slots__ = ("asked", "group", "parents", "runs", "task_id")

    def __init__(self, task_id: str, group: Group, asked: int):
        self.task_id = task_id
        self.group = group
        self.asked = asked  # the number of the question
        self.runs: Links[RunState] = ()
        self.parents: Links[Node] = ()


class RunState:
    """One request."""

    __slots__ = (
        "draining",
        "entering",
        "error",
        "failures",
        "fairness_key",
        "finished",
        "found",
        "found_more",
        "held",
        "keys",
        "leaving",
        "made",
        "on_error",
        "open",
        "pinned",
        "priority",
        "ran",
        "ran_here",
        "rounds",
        "run_id",
        "shared",
        "skipped",
        "stopping",
        "tasks",
        "verifying",
        "withdrawn",
    )

    def __init__(self, run_id: int, on_error: OnError, priority: int | None = None, fairness_key: str = ""):
        self.run_id, self.on_error = run_id, on_error
        self.priority = priority  # None: that of each task's class
        self.fairness_key = fairness_key
        self.keys: list[str] = []  # targets
        self.tasks: list[str] = []  # targets
        self.entering: Group | None = None  # while more targets are to come: none of the group starts before
        self.open = 0  # targets not settled
        self.pinned: list[str] = []  # all target keys: not to be removed while the run lasts
        self.made: list[str] = []  # target keys that were made for it, to be verified
        self.rounds = 0  # of verification that found something missing
        self.withdrawn = False  # it gives up its targets, or has them
        self.leaving = 0  # chores that have not given up yet what only it wanted
        self.finished = self.verifying = self.stopping = False
        self.held = 0  # chores that may still find failures for it: it does not end before
        self.draining: dict[Node, str] = {}  # running tasks whose end it waits for, each with the reason
        self.error: Any = None
        self.failures: dict[str, Any] = {}  # errors, by task
        self.ran = 0
        self.ran_here: IdSet | None = None  # tasks that ran for it; kept where more are generated
        self.shared = 0  # tasks behind its targets that ran for others
        self.found: set[str] = set()  # tasks that were done already; several of their outputs may be inspected
        self.found_more = 0  # when those are too many to be kept
        self.skipped: dict[str, tuple[str, str]] = {}  # what did not run, by id, with the failed task it needs, if any

    def count_found(self, task_ids: tuple[str, ...]) -> None:
        """Count tasks that were found done. Each counts once, as long as there are not too many to keep."""
        if len(self.found) < MAX_FOUND_KEPT:
            self.found.update(task_ids)
        else:
            self.found_more += len(task_ids)

    def add_task(self, wanted: Node | TaskCheck, task_id: str) -> None:
        """Make a task a target of it, not settled yet."""
        wanted.runs = linked(wanted.runs, self) if wanted.runs else (self,)
        self.tasks.append(task_id)
        self.open += 1

    @property
    def cached(self) -> int:
        """The number of tasks that were found done."""
        return len(self.found) + self.found_more


class Group:
    """A part of the graph that is being discovered. None of its tasks starts before it is known whole.

    When two requests meet in one task their groups become one.
    """

    __slots__ = ("acyclic", "growth", "merged_into", "nodes", "owner", "pending")

    def __init__(self, owner: RunState | None):
        self.owner = owner
        self.pending = 0  # keys and tasks that are being inspected
        self.growth = 0  # a search that was under way begins again when this has changed
        self.nodes: list[Node] = []
        self.acyclic = True  # all its tasks are: it needs no search
        self.merged_into: Group | None = None

    @property
    def urgency(self) -> int:
        """The priority of the request that it was discovered for."""
        return 0 if self.owner is None else self.owner.priority or 0

    def find(self) -> Group:
        """Return the group that this one is part of by now."""
        group = self
        while group.merged_into is not None:
            group = group.merged_into
        return group

    def merge(self, other: Group | None) -> Group:
        """Make the two one, and return it. Of equals the other stays: it is older, and its run is the owner."""
        if other is self and self.merged_into is None:  # as of most inputs
            return self
        mine = self.find()
        if other is None or (theirs := other.find()) is mine:
            return mine
        if len(mine.nodes) <= len(theirs.nodes):
            mine, theirs = theirs, mine
        mine.nodes += theirs.nodes
        mine.pending += theirs.pending
        mine.growth += 1
        mine.acyclic = mine.acyclic and theirs.acyclic
        theirs.nodes = []
        theirs.merged_into = mine
        return mine


class State:
    """Everything that the scheduler knows."""

    def __init__(self, slots: Slots[Node], *, window: int, max_deaths: int, case_sensitive: bool, steps_per_turn: int):
        self.nodes: dict[str, Node] = {}
        self.keys: dict[str, Key] = {}
        self.checks: dict[str, TaskCheck] = {}
        self.runs: dict[int, RunState] = {}
        self.slots = slots
        self.out = Outbox()
        self.to_search: deque[Any] = deque()  # groups that are known whole, and searches of them
        self.chores: deque[Any] = deque()  # what large requests have left behind
        self.consequences: deque[Any] = deque()  # what follows from the end of tasks with many readers or inputs
        self.releasing = 0  # tasks that are done and have ephemeral inputs to release: no run ends before
        self.resuming = False  # another turn was requested and has not come
        self.conflicts: deque[tuple[Node | Key | RunState, Exception]] = deque()  # such as two tasks that claim one key
        self.failed_generators: list[Node] = []  # dynamic tasks: all children have ended, and one has failed
        self.settled: list[RunState] = []  # runs that may be over
        self.verifying: set[int] = set()  # runs for which a ``Verify`` has not been answered
        self.pins: dict[str, int] = {}  # how many runs target a key, whatever became of it
        self.removed: dict[str, int] = {}  # what was removed while tasks were inspected: the next question's number
        self.is_dynamic = False  # there are dynamic tasks, or were
        self.found: tuple[tuple[str, ...], int] | None = None  # found done last, with the number of the run that counts
        self.inspecting = 0  # keys and tasks in questions
        self.active = 0  # nodes that wait for a place or a delay, or on which something is at work; runs being verified
        self.begun = 0  # tasks that executors have
        self.queue: defaultdict[str, ReadyQueue[Node]] = defaultdict(ReadyQueue)  # by executor
        self.prioritized = False  # whether any request or class has had a priority or a fairness key
        self.to_raise: list[tuple[Node, int, bool]] = []  # tasks, each with a priority and ``by_class``
        self.waiting_by_priority: Counter[int] = Counter()  # tasks that have not begun, but for those of priority 0
        self.window = window
        self.max_deaths = max_deaths
        self.steps_per_turn = steps_per_turn
        self.claims: dict[str, str] | None = None if case_sensitive else {}
        self.growths = [EarlyGrowth(place) for place in (1, 2, 3, 4)]  # of nodes, keys, pins and checks

    def new_group(self, owner: RunState | None) -> Group:
        """Return a group that :meth:`settle_inspections` has to release, once all that is known to be in it is."""
        group = Group(owner)
        group.pending = 1
        self.inspecting += 1
        return group

    def settle_inspections(self, group: Group, count: int = 1) -> None:
        """Count so many keys or tasks less to inspect; a group that is known whole is searched for cycles next."""
        if group.merged_into is not None:
            group = group.find()
        group.pending -= count
        self.inspecting -= count
        if group.pending == 0:
            if self.prioritized and self.to_search and group.urgency > self.to_search[0].urgency:
                self.to_search.appendleft(group)  # it need not wait until thousands of others are searched
            else:
                self.to_search.append(group)

    # -- what something outside is at work on, or a delay runs for

    def activate(self, node: Node, cause: str) -> None:
        """Move a task to a state that ends by an event from outside."""
        node.move(cause)
        self.active += 1

    def enqueue(self, node: Node, cause: str = "slot free") -> None:
        """Let a task that has its slots wait for a place."""
        node.move(cause)
        self.active += 1
        queue = self.queue[node.spec.executor]
        if node.priority or node.fairness_key:
            queue.add(node.spec.task_id, node)
        else:  # as most; the same without the call
            queue.plain[node.spec.task_id] = node
        self.out.start.append(node.spec.task_id)

    def begin(self, nodes: list[Node]) -> None:
        """Let tasks begin that an executor has taken from the ready queue."""
        for node in nodes:
            node.move("place free")
            if node.priority:
                self.count_priority(node.priority, -1)
        self.begun += len(nodes)

    def end_attempt(self, node: Node, *, is_over: bool = True) -> None:
        """Count that a task is not at work any more, or (``is_over=False``) has not begun after all."""
        self.active -= is_over
        self.begun -= 1
        if node.priority:
            self.count_priority(node.priority, 1)

    def count_priority(self, priority: int, change: int) -> None:
        """Count tasks of a priority that have not begun."""
        if priority:
            self.waiting_by_priority[priority] += change
            if not self.waiting_by_priority[priority]:
                del self.waiting_by_priority[priority]

    def waiting_before(self, priority: int) -> int:
        """Count the tasks that have not begun, and that go before one of this priority which comes now."""
        before = of_others = 0
        for each, count in self.waiting_by_priority.items():
            of_others += count
            if each >= priority:
                before += count
        return before + (len(self.nodes) - self.begun - of_others if priority <= 0 else 0)

    def unqueue(self, node: Node) -> None:
        """Remove a task that waits for a place; its slots are free for others at the end of the event."""
        self.active -= 1
        queue = self.queue[node.spec.executor]
        queue.remove(node.spec.task_id, node)
        queue.withdrawn += 1
        if node.spec.tags:
            self.slots.give_back(node.spec.tags, node.spec.spends)

    def deactivate(self) -> None:
        """Count that the event has come for a task, or is not awaited any more."""
        self.active -= 1

    def begin_pulling(self, node: Node) -> None:
        """Count that a dynamic task is asked for more, or is to close."""
        node.pulling = True
        self.active += 1

    def end_pulling(self, node: Node) -> None:
        """Count that it has answered."""
        node.pulling = False
        self.active -= 1

    def begin_verifying(self, run: RunState) -> None:
        """Count that the targets of a run are looked at."""
        run.verifying = True
        self.verifying.add(run.run_id)
        self.active += 1

    def end_verifying(self, run_id: int) -> None:
        """Count that they have been."""
        self.verifying.remove(run_id)
        self.active -= 1
