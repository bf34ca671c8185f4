"""Bugs, planted in the engine, the scheduler and the graph layer to see that the simulation finds them."""

from collections.abc import Callable
from typing import Any

import pytest

from alexflow.engine.delays import Delays
from alexflow.engine.driver import Driver
from alexflow.executors.interface import Done
from alexflow.graph.inspector import Inspector
from alexflow.scheduler import completion, demand, discovery, failure, giving_up, machine, requests
from alexflow.scheduler.events import Failed
from alexflow.scheduler.instructions import Finish
from alexflow.scheduler.slots import Slots

Plant = Callable[[pytest.MonkeyPatch], None]


def a_success_is_lost(patch: pytest.MonkeyPatch) -> None:
    report = Driver._report

    def lossy(self: Driver, outcomes: Any) -> None:
        report(self, [outcome for outcome in outcomes if not (isinstance(outcome, Done) and is_lost(outcome.task_id))])

    patch.setattr(Driver, "_report", lossy)


def is_lost(task_id: str) -> bool:
    return task_id.endswith("0")  # one of sixteen


def a_lost_workers_task_is_not_tried_again(patch: pytest.MonkeyPatch) -> None:
    def failed(state: Any, event: Any) -> None:
        reason = "fatal" if event.reason == "lost" else event.reason
        failure.failed(state, Failed(event.task_id, event.error, reason))

    patch.setitem(machine.HANDLERS, Failed, failed)


def what_a_run_asked_for_is_removed(patch: pytest.MonkeyPatch) -> None:
    for module in (requests, discovery, demand):
        patch.setattr(module, "pin", lambda *arguments: None)


def an_ephemeral_output_is_removed_after_its_first_reader(patch: pytest.MonkeyPatch) -> None:
    release_inputs = completion.release_inputs

    def release(state: Any, node: Any, *, keep: bool, unwanted: Any) -> None:
        if not keep:
            state.out.remove += sorted(node.spec.ephemeral)
        release_inputs(state, node, keep=keep, unwanted=unwanted)

    patch.setattr(completion, "release_inputs", release)


def limits_are_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Slots, "take", lambda self, waiter, tags: True)
    patch.setattr(Slots, "release", lambda self, tags: [])
    patch.setattr("tests.simulation.trial.validate", lambda state: None)  # the judge has to see it


def what_exists_is_made_again(patch: pytest.MonkeyPatch) -> None:
    look = Inspector._look_at_tasks
    patch.setattr(Inspector, "_look_at_tasks", lambda self, tasks, makes, present: look(self, tasks, makes, set()))


def a_delay_is_never_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Delays, "start", lambda self, instruction: None)


def a_cancellation_is_not_passed_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Driver, "_cancel", lambda self, instruction: None)


def a_failure_is_kept_quiet(patch: pytest.MonkeyPatch) -> None:
    finish = Driver._finish

    def quiet(self: Driver, instruction: Any) -> None:
        finish(self, Finish(instruction.run_id) if instruction.failures else instruction)

    patch.setattr(Driver, "_finish", quiet)


def one_too_many_is_skipped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(giving_up, "_adopt", lambda state, key, run: None)


PLANTS: list[Plant] = [
    a_success_is_lost,
    a_lost_workers_task_is_not_tried_again,
    what_a_run_asked_for_is_removed,
    an_ephemeral_output_is_removed_after_its_first_reader,
    limits_are_ignored,
    what_exists_is_made_again,
    a_delay_is_never_over,
    a_cancellation_is_not_passed_on,
    a_failure_is_kept_quiet,
    one_too_many_is_skipped,
]
