"""Tasks of luigi as tasks of alexflow: others depend on their targets as on outputs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from alexflow import model
from alexflow.errors import OutputNotFound
from alexflow.formats.libraries import need
from alexflow.model import Output, Task, TaskOptions

luigi: Any = need("luigi", "luigi")  # its types are for its own users' tasks only


class LuigiFailed(Exception):
    """luigi failed to do a task or one of its requirements; the message is luigi's summary."""


@dataclass(frozen=True, eq=False, repr=False)
class TargetOutput(Output[Any]):
    """A target of a luigi task. A mark that luigi has made it is stored; loading gives the target itself.

    Attributes:
        index: the target's place among those of its task.
    """

    index: int = field(default=0, compare=False)

    def encode(self, value: Any) -> bytes:
        return repr(value).encode()

    def load(self) -> Any:
        """The luigi target.

        Raises:
            OutputNotFound: it has gone; inside a run it is made again.
        """
        self.bound_storage.read(self.key)
        return self._present_target()

    async def aload(self) -> Any:
        """:meth:`load`, for ``async def run``."""
        await self.bound_storage.aread(self.key)
        return self._present_target()

    def _present_target(self) -> Any:
        source = self.src_task
        assert isinstance(source, LuigiTask)
        target = luigi.task.flatten(source.luigi_task().output())[self.index]
        if not target.exists():
            self.remove()  # the stored mark is out of date
            raise OutputNotFound(self.key)
        return target


@dataclass(frozen=True)
class LuigiTask(Task):
    """A task of luigi, together with what it requires. :func:`from_luigi` makes one.

    Attributes:
        task_class: luigi's class.
        parameters: its significant parameters, as text.
        others: those that are not significant.
    """

    options: ClassVar[TaskOptions] = TaskOptions(executor="process")  # luigi wants the main thread

    task_class: type
    parameters: dict[str, str]
    others: dict[str, str] = field(default_factory=dict, compare=False)

    def luigi_task(self) -> Any:
        """The luigi task itself."""
        return self.task_class.from_str_params({**self.parameters, **self.others})  # type: ignore[attr-defined]

    def output(self) -> Any:
        """An output for each of luigi's targets, in the same shape: one, a list, or a dict."""
        return self._outputs(self.luigi_task().output(), itertools.count())

    def _outputs(self, targets: Any, indices: Iterator[int]) -> Any:
        if isinstance(targets, dict):
            return {name: self._outputs(target, indices) for name, target in targets.items()}
        if isinstance(targets, list | tuple):
            return [self._outputs(target, indices) for target in targets]
        index = next(indices)
        return self.build_output(TargetOutput, f"target-{index}", index=index)

    def run(self, input: Any, output: Any) -> None:
        task = self.luigi_task()
        result = luigi.build([task], local_scheduler=True, log_level="WARNING", detailed_summary=True)
        if not task.complete():
            raise LuigiFailed(result.summary_text.strip())
        for place, target in zip(model.flatten(output), luigi.task.flatten(task.output()), strict=True):
            place.store(target)


def from_luigi(task: Any) -> LuigiTask:
    """A luigi task as a task of alexflow, whose outputs other tasks may take.

    It runs, and what it requires, in one worker process, on luigi's local scheduler, if its targets are not known to
    be there. Equal significant parameters give the same id.
    """
    significant: dict[str, str] = {}
    others: dict[str, str] = {}
    for name, parameter in task.get_params():  # luigi's own to_str_params leaves out private ones
        (significant if parameter.significant else others)[name] = parameter.serialize(getattr(task, name))
    return LuigiTask(type(task), significant, others)
