"""Questions to an engine of this process, asked when a page is made; no event is listened to."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from alexflow.engine.survey import ClassOfRun, Survey  # not by the engine at its first question, on its loop
from alexflow.engine.why import Why
from alexflow.errors import EngineClosed
from alexflow.executors.current_attempt import CurrentAttempt
from alexflow.progress.text import duration
from alexflow.web.messages import ROWS_SENT, RunUnderWay, short

if TYPE_CHECKING:
    from alexflow.engine.engine import Engine

#: Classes for which the engine is asked what their first task waits for.
MOST_CLASSES_ASKED = 50

#: Seconds between two questions, for each second that one has taken: these are at most a half per cent of a core.
REST_PER_SECOND = 200.0

#: Seconds after which an engine of another event loop is not waited for any more.
OTHER_LOOP_PATIENCE = 2.0


#: What a task waits for that has nothing to wait for, and is not at work.
_WITHOUT_OBSTACLE = {"running": "its turn in a worker, which has it", "generating": "nothing: it generates tasks"}


class _Obstacle(NamedTuple):
    """The first task of a class that does not run, and a text for its obstacle; "" for none that is known."""

    task_id: str
    text: str


class EngineQuestions:
    """Asks an engine what it has under way.

    Args:
        engine: it may run on another event loop, and need not be open.

    Attributes:
        pause: seconds for which it should not be asked again.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self._obstacles: dict[ClassOfRun, _Obstacle] = {}
        self._ask_why_at = 0.0
        self.pause = 0.0

    async def of_runs(self, run_ids: Collection[str]) -> dict[str, RunUnderWay]:
        """Return it for some runs; without those that are not this engine's, or are over."""
        loop = self._engine.event_loop
        if loop is None or not run_ids:
            return {}
        if loop is asyncio.get_running_loop():
            return await self._look(run_ids)
        asked = asyncio.run_coroutine_threadsafe(self._look(run_ids), loop)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(asked), OTHER_LOOP_PATIENCE)
        except TimeoutError:
            return {}

    async def _look(self, run_ids: Collection[str]) -> dict[str, RunUnderWay]:
        try:
            survey = self._engine.survey()
            while survey.count_more():  # noqa: ASYNC110  # each turn counts some
                await asyncio.sleep(0)
            begun = time.perf_counter()
            numbers = {number: id for number, id in self._engine.run_ids().items() if id in run_ids}
            survey.move_to_owners(self._engine.run_ids().__contains__)
            at_work = {each.task_id: each for each in survey.at_work()}
            self.pause = (time.perf_counter() - begun) * REST_PER_SECOND
            if numbers and time.perf_counter() >= self._ask_why_at:
                await self._ask_why(survey, at_work, numbers)
        except EngineClosed:
            return {}
        return self._by_run(survey, at_work, numbers)

    async def _ask_why(self, survey: Survey, at_work: Mapping[str, CurrentAttempt], numbers: Mapping[int, str]) -> None:
        """Ask for each class what its first task waits for, each in a turn of the loop of its own."""
        took = 0.0
        found: dict[ClassOfRun, _Obstacle] = {}
        for key, task_id in survey.first_waiting(at_work, MOST_CLASSES_ASKED):
            if key[0] in numbers:
                begun = time.perf_counter()
                found[key] = _Obstacle(task_id, _in_short(self._engine.why(task_id)))
                took += time.perf_counter() - begun
                await asyncio.sleep(0)
        self._obstacles = found
        self._ask_why_at = time.perf_counter() + took * REST_PER_SECOND

    def _by_run(
        self, survey: Survey, at_work: Mapping[str, CurrentAttempt], numbers: Mapping[int, str]
    ) -> dict[str, RunUnderWay]:
        found = {id: RunUnderWay({}, {}, [], []) for id in numbers.values()}
        running = survey.by_class(at_work)
        for (number, cls), count in running.items():
            if number in numbers:
                found[numbers[number]].running[cls] = count
        remaining = survey.remaining()
        for (number, cls), count in remaining.items():
            if number in numbers:
                found[numbers[number]].remaining[cls] = count
        waiting = Counter({key: count - running.get(key, 0) for key, count in remaining.items()})
        for key, count in waiting.most_common():
            obstacle = self._obstacles.get(key)
            if count > 0 and key[0] in numbers and obstacle is not None and obstacle.text:
                row = [key[1].rpartition(".")[2], obstacle.text, f"{count:,}"]
                found[numbers[key[0]]].waiting.append(row)
        for each in sorted(at_work.values(), key=lambda each: -each.seconds):
            rows = found.get(numbers.get(survey.run_of(each.task_id), ""))
            if rows is not None and len(rows.attempts) < ROWS_SENT:
                rows.attempts.append([short(each.task_id), _where(each), duration(each.seconds)])
        return found


def _where(each: CurrentAttempt) -> str:
    if not each.worker:
        return "the engine's process"
    return f"process {each.worker} on {each.host}" if each.host else f"process {each.worker}"


def _in_short(answer: Why) -> str:
    """The first that a task waits for, with the beginnings of ids, and how much else."""
    if not answer.obstacles:
        return _WITHOUT_OBSTACLE.get(answer.state, "")
    first, *others = answer.obstacles
    text = first.text
    for task_id in first.holders:
        text = text.replace(task_id, short(task_id))
    named = sum(1 for each in others if each.kind != "input" or each.name)
    more = "more than " if named < len(others) else ""  # the last one stands for further inputs, which are not counted
    return f"{text}; and {more}{named} more" if others else text
