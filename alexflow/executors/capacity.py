"""The capacity of an engine: CPUs, memory and devices, of which jobs claim what they need while they run.

One for all executors of an engine, and pure: no clock, no I/O. Jobs that ask for nothing claim nothing. Each takes one
share of the CPUs, and executors say how many of them they run when that counts. So an engine in which no task asks for
anything has no use for this module (:attr:`Capacity.is_active`).

*Waiting.* A job that does not fit is passed by others that fit, else a machine would stand still for one big task. No
job waits for ever: the first that lacks a thing is noted with a *ticket*, and each job that starts and takes of this
thing counts as one that has overtaken it. After as many as there are places (``patience``) the thing is *held*: what
comes free of it is kept until the job has all that it needs. Only an older ticket may still take of it. So of several
jobs that wait the oldest ticket is never held back by others: it starts at the latest when what runs has ended, and
then another one is the oldest. Jobs that take nothing of what is lacking are not counted and never held back: a task
that waits for a device does not keep others from the CPUs.

Rejected: *no overtaking* (one task for all CPUs would empty them twice, and one that waits for a device would stop
everything); *overtaking without a bound* (small tasks that keep coming would go first for ever); *estimates of how long
tasks take, as batch systems ask for* (mostly unknown, and a wrong one starves the job); *a count of tags in the
scheduler* (half a device is not half of any two).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

from msgspec import Struct

from alexflow.executors.lacks import Lack
from alexflow.executors.memory_text import memory_text
from alexflow.model.resource_spec import WHOLE, Needs

#: A device, as its system names it: an index, or an id such as ``"GPU-8f…"``.
Device = int | str

#: Devices by kind, sorted: what a worker process is bound to, and what a task gets.
Binding = tuple[tuple[str, tuple[Device, ...]], ...]

#: The names of two things that jobs claim; the others are kinds of devices, and the places of executors.
CPUS, MEMORY = "cpus", "memory"


class Supply(Struct, frozen=True):
    """All that there is.

    Attributes:
        cpus: how many.
        memory: bytes that may be used; 0 if unknown.
        devices: by kind.
        searched: where devices were looked for, for messages; "" if they were given.
    """

    cpus: int
    memory: int
    devices: Mapping[str, Sequence[Device]]
    searched: str = ""


class Claim:
    """The share of one job, until it is released.

    Attributes:
        task_id: the job.
        amounts: of CPUs and memory.
        binding: its devices.
        shares: thousandths of each device, by kind.
        threads: how many libraries may start for it; 0 for as many as for any job.
    """

    __slots__ = ("_capacity", "amounts", "binding", "shares", "task_id", "threads")

    def __init__(self, capacity: Capacity, task_id: str, amounts: dict[str, int], binding: Binding, needs: Needs):
        self._capacity = capacity
        self.task_id = task_id
        self.amounts = amounts
        self.binding = binding
        self.shares = {kind: min(amount, WHOLE) for kind, amount in needs.devices}
        self.threads = 0 if needs.cpus is None else max(1, needs.cpus // WHOLE)

    @property
    def is_whole(self) -> bool:
        """Whether it has a device to itself."""
        return WHOLE in self.shares.values()

    def release(self) -> None:
        """Give it back."""
        self._capacity.take(self, -1)


class Waiting:
    """A job that has been passed, and was then the first to lack something."""

    __slots__ = ("claimant", "lacks", "overtaken", "ticket")

    def __init__(self, ticket: int, claimant: Claimant):
        self.ticket = ticket
        self.claimant = claimant
        self.lacks: set[str] = set()  # of which it has the oldest ticket
        self.overtaken = 0


class Demand:
    """The demand of tasks: whether any has asked for something.

    Attributes:
        is_active: whether any task has asked for something.
        counts_memory: whether one has asked for memory, or had too little.
    """

    def __init__(self) -> None:
        self.is_active = False
        self.counts_memory = False

    def activate(self) -> None:
        """Look at each job from now on: some claim something."""
        self.is_active = True

    def add(self, needs: Needs) -> None:
        """Note that a task has asked for something."""
        self.activate()
        self.counts_memory = self.counts_memory or needs.memory > 0


class Capacity(Demand):
    """All that an engine has on one machine, and what of it is claimed.

    Args:
        survey: looks what there is; called once, when it is first asked for.
        places: how many jobs an executor runs at once.
        ordinary: thousandths of a CPU that a job takes which asks for nothing.

    Attributes:
        elsewhere: the demand of tasks of executors on other machines.
    """

    def __init__(self, survey: Callable[[], Supply], places: int, ordinary: int):
        super().__init__()
        self.elsewhere = Demand()
        self.patience = places
        self.ordinary = ordinary
        self._survey = survey
        self._supply: Supply | None = None
        self._free: dict[str, int] = {}
        self._devices: dict[str, dict[Device, int]] = {}
        self._claims: dict[Claim, None] = {}
        self._claimants: list[Claimant] = []
        self._waits: dict[str, Waiting] = {}  # by task
        self._first: dict[str, Waiting] = {}  # by what they lack, those with the oldest ticket
        self._tickets = 0

    @property
    def supply(self) -> Supply:
        """All that there is."""
        if self._supply is None:
            supply = self._supply = self._survey()
            self._free = {CPUS: supply.cpus * WHOLE, MEMORY: supply.memory}
            self._devices = {kind: dict.fromkeys(found, WHOLE) for kind, found in supply.devices.items()}
        return self._supply

    def join(self, claimant: Claimant) -> None:
        """Add an executor."""
        self._claimants.append(claimant)

    # -- what there is

    def refusal(self, needs: Needs, *, elsewhere: bool = False) -> str:
        """Return what of these needs there never is, and what there is; "" if they can be met.

        From now on there are jobs with needs. Those for other machines are only noted, as these come and go.
        """
        if elsewhere:
            self.elsewhere.add(needs)
            return ""
        supply = self.supply
        self.add(needs)
        cpus, memory, devices = needs
        if cpus is not None and cpus > supply.cpus * WHOLE:
            return f"cpus={cpus / WHOLE:g}, and this engine has {supply.cpus}"
        if supply.memory and memory > supply.memory:
            return f"{memory_text(memory)} of memory, and this engine has {memory_text(supply.memory)}"
        for kind, amount in devices:
            there = supply.devices.get(kind, ())
            if amount > len(there) * WHOLE:
                asked = f"{amount / WHOLE:g} of {kind!r}"
                if there:
                    return f"{asked}, and this engine has {len(there)}: {', '.join(map(str, there))}"
                where = f": none was found ({supply.searched})" if supply.searched else ""
                return f"{asked}, and this engine has none{where}; name them: Engine(devices={{{kind!r}: [0]}})"
        return ""

    def can_ever_hold(self, needs: Needs) -> bool:
        """Whether these needs can be met when nothing else runs."""
        supply = self.supply
        return (
            (needs.cpus or 0) <= supply.cpus * WHOLE
            and (not supply.memory or needs.memory <= supply.memory)
            and all(amount <= len(supply.devices.get(kind, ())) * WHOLE for kind, amount in needs.devices)
        )

    def activate(self) -> None:
        """Look at each job from now on: some claim something."""
        _ = self.supply
        super().activate()

    def everything(self, needs: Needs | None) -> Needs:
        """Return the needs of a job that is to run alone."""
        supply = self.supply
        return Needs(supply.cpus * WHOLE, supply.memory, () if needs is None else needs.devices)

    def _free_for(self, thing: str, ticket: int) -> int:
        """Return how much there is of the CPUs or of memory for a job with a ticket."""
        if self._is_held(thing, ticket):
            return 0
        if thing == CPUS:
            return self._free[CPUS] - self.ordinary * sum(claimant.ordinary_jobs() for claimant in self._claimants)
        return self._free[thing] if self.supply.memory else MOST

    # -- jobs that ask for something

    def claim(
        self, claimant: Claimant, task_id: str, needs: Needs, prefer: Sequence[Binding] = (), *, waits: bool = True
    ) -> Claim | None:
        """Claim what a job needs; None if it has to wait.

        Args:
            claimant: its executor.
            task_id: the job.
            needs: what it needs.
            prefer: devices that it had best get, if they are free: a process that is bound to them is idle.
            waits: whether things may be held for it here when it has waited for long.
        """
        waiting = self._waits.get(task_id)
        ticket = MOST if waiting is None else waiting.ticket
        amounts = {CPUS: self.ordinary if needs.cpus is None else needs.cpus, MEMORY: needs.memory}
        chosen: dict[str, tuple[Device, ...]] = {}
        lacks = self._lacked(claimant, ticket, amounts, needs.devices, prefer, chosen)
        if lacks:
            if waits:
                self._wait(claimant, task_id, lacks)
            return None
        claim = Claim(self, task_id, amounts, tuple(sorted(chosen.items())), needs)
        self.take(claim)
        return claim

    def _lacked(
        self,
        claimant: Claimant,
        ticket: int,
        amounts: Mapping[str, int],
        devices: Sequence[tuple[str, int]],
        prefer: Sequence[Binding],
        chosen: dict[str, tuple[Device, ...]],
    ) -> set[str]:
        """Return of what there is not enough for a job with a ticket; ``chosen`` gets the devices by their kinds."""
        lacks = {thing for thing, amount in amounts.items() if amount and amount > self._free_for(thing, ticket)}
        if claimant.is_full() or self._is_held(claimant.places, ticket):
            lacks.add(claimant.places)
        for kind, amount in devices:
            chosen[kind] = () if self._is_held(kind, ticket) else self._choose(kind, amount, prefer)
            if not chosen[kind]:
                lacks.add(kind)
        return lacks

    def lacks(self, claimant: Claimant, task_id: str, needs: Needs | None) -> list[Lack]:
        """Return what a job would wait for now, devices first; nothing is claimed, and nothing kept for it.

        Args:
            claimant: its executor.
            task_id: the job.
            needs: what it needs; None if it asks for nothing.
        """
        if not self.is_active:
            return []
        ticket = self._waits[task_id].ticket if task_id in self._waits else MOST
        ordinary = self.ordinary if claimant.takes_cpus or needs is not None else 0
        amounts = {CPUS: ordinary, MEMORY: 0}
        if needs is not None:
            amounts |= {MEMORY: needs.memory} if needs.cpus is None else {CPUS: needs.cpus, MEMORY: needs.memory}
        devices = () if needs is None else needs.devices
        things = self._lacked(claimant, ticket, amounts, devices, (), {})
        wanted = [*devices, *reversed(amounts.items()), (claimant.places, 0)]
        return [self._lack(claimant, thing, amount, ticket) for thing, amount in wanted if thing in things]

    def _lack(self, claimant: Claimant, thing: str, wanted: int, ticket: int) -> Lack:
        kept_for = ""
        if self._is_held(thing, ticket):
            kept_for = next(task_id for task_id, each in self._waits.items() if each is self._first[thing])
        if thing == claimant.places:
            return Lack("place", kept_for=kept_for)
        if thing in (CPUS, MEMORY):
            free, there = self._free_for(thing, -1), self.supply.cpus * WHOLE if thing == CPUS else self.supply.memory
            holders = tuple(claim.task_id for claim in self._claims if claim.amounts[thing])
            return Lack("core" if thing == CPUS else "memory", "", wanted, free, there, holders, kept_for)
        of_kind = self._devices.get(thing, {})
        holders = tuple(claim.task_id for claim in self._claims if thing in claim.shares)
        return Lack("device", thing, wanted, sum(of_kind.values()), len(of_kind) * WHOLE, holders, kept_for)

    def started(self, claimant: Claimant, task_id: str, claim: Claim) -> None:
        """Note that a job with a claim has started: it waits no more, and has overtaken those that do."""
        self.forget(task_id)
        taken = {thing for thing, amount in claim.amounts.items() if amount}
        self._overtake({*taken, *claim.shares, claimant.places})

    def take(self, claim: Claim, sign: int = 1) -> None:
        """Take what is claimed; with -1, give it back."""
        if sign > 0:
            self._claims[claim] = None
        else:
            self._claims.pop(claim, None)
        for thing, amount in claim.amounts.items():
            self._free[thing] -= sign * amount
        for kind, devices in claim.binding:
            for device in devices:
                self._devices[kind][device] -= sign * claim.shares[kind]

    def _choose(self, kind: str, amount: int, prefer: Sequence[Binding]) -> tuple[Device, ...]:
        """Choose devices: for a share one that others share, if any has room; then those of an idle process."""
        free = self._devices.get(kind, {})
        share, count = min(amount, WHOLE), max(1, amount // WHOLE)
        fit = [device for device, left in free.items() if left >= share]
        if share < WHOLE:  # else the last whole one may soon be in halves
            fit = [device for device in fit if free[device] < WHOLE] or fit
        for binding in prefer:
            wanted = dict(binding).get(kind, ())
            if len(wanted) == count and all(device in fit for device in wanted):
                return wanted
        fit.sort(key=lambda device: free[device])  # stable: in their order where equal
        return tuple(fit[:count]) if len(fit) >= count else ()

    # -- jobs that ask for nothing

    def admits_ordinary(self, claimant: Claimant, *, begins: bool) -> bool:
        """Whether another job that asks for nothing may go to a place.

        Args:
            claimant: its executor.
            begins: whether the place is idle, so that it takes CPUs that are free.
        """
        if self._is_held(claimant.places, MOST):
            return False
        if not claimant.takes_cpus:
            return not claimant.is_full()
        if self._is_held(CPUS, MOST):
            return False
        return not begins or (not claimant.is_full() and self.ordinary <= self._free_for(CPUS, MOST))

    def ordinary_started(self, claimant: Claimant) -> None:
        """Note that a job that asks for nothing has started: it has overtaken those that lack CPUs or a place."""
        if self._waits:
            self._overtake({CPUS, claimant.places} if claimant.takes_cpus else {claimant.places})

    # -- waiting

    def has_ticket(self, task_id: str) -> bool:
        """Whether a job has waited, and others may be held back for it."""
        return task_id in self._waits

    def held_for(self, claimant: Claimant, ready: Container[str]) -> set[str]:
        """Return the jobs of an executor for which something is held, and forget those that are not ready any more."""
        mine = [task_id for task_id, waiting in self._waits.items() if waiting.claimant is claimant]
        for task_id in mine:
            if task_id not in ready:
                self.forget(task_id)
        return {task_id for task_id in mine if task_id in ready and self._waits[task_id].overtaken >= self.patience}

    def changed(self, by: Claimant) -> None:
        """Wake the other executors: something has come free."""
        for claimant in self._claimants:
            if claimant is not by:
                claimant.wake()

    def _wait(self, claimant: Claimant, task_id: str, lacks: set[str]) -> None:
        waiting = self._waits.get(task_id)
        if waiting is None:
            if all(thing in self._first for thing in lacks):
                return  # behind others; its turn comes
            self._tickets += 1
            waiting = self._waits[task_id] = Waiting(self._tickets, claimant)
        self._let_go(waiting, waiting.lacks - lacks)
        for thing in lacks - waiting.lacks:
            first = self._first.get(thing)
            if first is None or first.ticket > waiting.ticket:
                if first is not None:
                    first.lacks.discard(thing)
                self._first[thing] = waiting
                waiting.lacks.add(thing)

    def forget(self, task_id: str) -> None:
        """Hold nothing for a job any more."""
        waiting = self._waits.pop(task_id, None)
        if waiting is not None:
            self._let_go(waiting, set(waiting.lacks))

    def _let_go(self, waiting: Waiting, things: set[str]) -> None:
        for thing in things:
            waiting.lacks.discard(thing)
            del self._first[thing]

    def _overtake(self, things: set[str]) -> None:
        for waiting in self._waits.values():
            if not waiting.lacks.isdisjoint(things):
                waiting.overtaken += 1

    def _is_held(self, thing: str, ticket: int) -> bool:
        first = self._first.get(thing)
        return first is not None and first.ticket < ticket and first.overtaken >= self.patience


def no_capacity() -> Capacity:
    """Return the capacity of an engine in which no task asks for anything."""
    return Capacity(lambda: Supply(1, 0, {}), 1, WHOLE)


MOST = 1 << 62  # more than there ever is of anything, and a ticket younger than all


class Claimant:
    """An executor, as the capacity sees it.

    Args:
        name: of the executor.
        is_full: whether all its places are taken.
        ordinary_jobs: how many jobs it runs that ask for nothing; None if those take no CPUs.
        wake: called when something has come free elsewhere.
    """

    def __init__(
        self,
        name: str,
        is_full: Callable[[], bool],
        ordinary_jobs: Callable[[], int] | None,
        wake: Callable[[], None],
    ):
        self.places = f"places of {name}"
        self.is_full = is_full
        self.takes_cpus = ordinary_jobs is not None
        self.ordinary_jobs = ordinary_jobs or (lambda: 0)
        self.wake = wake
