"""Work that a large request leaves behind, done in slices: its targets are given up, and then its pins.

A small request leaves nothing: the first slice is done at once. While there is more, tasks that only a withdrawn run
wants may still be in a ready queue, and are passed over there (``Scheduler.startable``); tasks without demand may still
be kept, and are dropped in a later turn unless something wants them again.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Protocol

from alexflow.scheduler.demand import drop_next, give_up_key, give_up_task
from alexflow.scheduler.instructions import Offer, Resume
from alexflow.scheduler.state import Node, RunState, State

#: Pins that are taken away in one step: it is little work.
PINS_PER_STEP = 16


class Chore(Protocol):
    """Work that may take several turns."""

    def advance(self, state: State, steps: int) -> int:
        """Continue for at most ``steps``. Returns the steps left over; 0 means that there is more to do."""
        ...


def withdraw_run(state: State, run: RunState, *, cancel: bool, at_once: bool = False) -> None:
    """Give up all targets of a run; it is ``leaving`` until that is done.

    With ``cancel``, tasks that nothing else wants are cancelled. Else those that run may end: the run drains them.
    ``at_once`` it is not done in slices: tasks that are known but have not started must not start any more.
    """
    if run.withdrawn:
        return
    run.withdrawn = True
    run.leaving += 1
    if run.entering is not None:
        group, run.entering = run.entering, None
        state.settle_inspections(group)
    withdrawal = Withdrawal(run, {} if cancel else {run: ""})
    if at_once:
        before = len(state.chores)
        withdrawal.advance(state, sys.maxsize)
        finish_since(state, before)
    else:
        begin(state, withdrawal)


def finish_since(state: State, before: int) -> None:
    """Do at once what has been added to so many chores."""
    while len(state.chores) > before:
        chore = state.chores.pop()
        if chore.advance(state, sys.maxsize) <= 0:  # it waits for another
            state.chores.insert(before, chore)
            if len(state.chores) == before + 1:
                return


def unpin(state: State, run: RunState) -> None:
    """Let go of the target keys of a run that is over."""
    if len(run.pinned) > PINS_PER_STEP:
        begin(state, Unpinning(run.pinned))
    else:
        _take_away(state.pins, run.pinned)
    run.pinned = []


def begin(state: State, chore: Chore) -> None:
    """Do the first slice of a chore now, and the rest later."""
    if chore.advance(state, state.steps_per_turn) <= 0:
        state.chores.append(chore)


def do_chores(state: State) -> None:
    """Continue what is to be done, a bounded number of steps."""
    if state.resuming:
        return  # something has had this turn
    steps = state.steps_per_turn
    were_left = bool(state.chores)
    for chores in (state.consequences, state.chores):
        while chores and steps > 0:
            chore = chores.popleft()
            steps = chore.advance(state, steps)
            if steps <= 0:
                chores.append(chore)  # they take turns: some wait for others
    if were_left and not state.chores:
        state.out.others.append(Offer())  # what was passed over may start now


def come_back(state: State) -> None:
    """Request another turn, unless that has been done."""
    if not state.resuming:
        state.resuming = True
        state.out.others.append(Resume())


class Withdrawal:
    """The withdrawal of a run's targets, and of what only they wanted.

    Args:
        run: the run.
        draining: as for :func:`~alexflow.scheduler.demand.drop_unwanted`.

    Attributes:
        unwanted: tasks that may have no demand left.
    """

    def __init__(self, run: RunState, draining: Mapping[RunState, str]):
        self.run = run
        self.unwanted: list[Node] = []
        self._draining = draining
        run.keys.reverse()  # what is first goes first, from the end of the list
        run.tasks.reverse()

    def advance(self, state: State, steps: int) -> int:
        """Continue for at most ``steps``. Returns the steps left over; 0 means that there is more to do."""
        run, unwanted = self.run, self.unwanted
        while steps > 0:
            if run.keys:
                give_up_key(state, run, run.keys.pop(), unwanted)
            elif run.tasks:
                give_up_task(state, run, run.tasks.pop(), unwanted)
            elif unwanted:
                drop_next(state, unwanted, self._draining)
            else:
                run.leaving -= 1
                state.settled.append(run)
                return steps
            steps -= 1
        return 0


class Unpinning:
    """The pins of a run that is over are taken away.

    Attributes:
        names: the keys that are still pinned.
    """

    def __init__(self, names: list[str]):
        self.names = names

    def advance(self, state: State, steps: int) -> int:
        """Continue for at most ``steps``. Returns the steps left over; 0 means that there is more to do."""
        names, some = self.names, steps * PINS_PER_STEP
        _take_away(state.pins, names[-some:])
        taken = min(some, len(names))
        del names[-some:]
        return steps - taken // PINS_PER_STEP if not names else 0


def _take_away(pins: dict[str, int], names: list[str]) -> None:
    for name in names:
        pins[name] -= 1
        if not pins[name]:
            del pins[name]
