"""``TaskOptions``: how the tasks of a class are run, and how long their results are good for."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

from alexflow.arguments import check_argument, check_positive, check_seconds, wrong_argument
from alexflow.frozen import Frozen, set_field
from alexflow.identity import main_module_name
from alexflow.model.executor_kinds import name_choices

#: The kind of executor that runs a task: the event loop, a thread of the engine's process, a worker process, or one
#: that was registered (:mod:`alexflow.executors.registry`).
ExecutorName = str

#: Results that were made with other code are used, used with a warning, or refused.
CodeRule = Literal["ignore", "warn", "refuse"]

_CODE_RULES = ("ignore", "warn", "refuse")


@dataclass(init=False, eq=False, repr=False, kw_only=True)
class TaskOptions(Frozen):
    """Settings for running the tasks of a class. They are no part of the ids.

    ::

        class Render(Task):
            options = TaskOptions(executor="thread", timeout=60)

    For None the engine's setting holds. A subclass that sets ``options`` replaces those of its base.

    Attributes:
        executor: the executor of a plain ``def run``: ``"process"``, ``"thread"`` or ``"loop"``, or the name of a role,
            such as ``"heavy"``, of which the engine says what it means (``Engine(executors={"heavy": …})``). An
            ``async def run`` always runs on the event loop.
        timeout: seconds above 0 that one attempt may take; of a dynamic task, the limit for ``generate`` to give more
            tasks. A plain ``def run`` on the event loop (``executor="loop"``) cannot be interrupted and has none.

        priority: the higher, the sooner, where a request does not say (``engine.run(..., priority=...)``); what such a
            task needs has at least that. By default 0.
        code: what happens where a result exists that was made with other code than the class has now, as far as code
            can be seen (docs/design/fingerprint.md): ``"ignore"``, it is used; ``"warn"``, it is used, and the log
            names what differs; ``"refuse"``, the request fails with :class:`~alexflow.errors.CodeDiffers`. Nothing is
            ever made again because of it. A subclass that is to be checked needs the option too.
        max_age: how old a result may be, in seconds, when a request needs it; an older one is made again. Requests may
            say otherwise for their own targets (``engine.load(..., max_age=...)``). By default any age is right.

    Raises:
        DefinitionError: a value is invalid.
    """

    executor: ExecutorName | None = None
    timeout: float | None = None
    priority: int | None = None
    code: CodeRule = "ignore"
    max_age: float | None = None

    def __init__(
        self,
        *,
        executor: ExecutorName | None = None,
        timeout: float | None = None,
        priority: int | None = None,
        code: CodeRule = "ignore",
        max_age: float | None = None,
    ) -> None:
        set_field(self, "executor", executor)
        set_field(self, "timeout", timeout)
        set_field(self, "priority", priority)
        set_field(self, "code", code)
        set_field(self, "max_age", max_age)
        name = executor
        if name is not None and (type(name) is not str or not name.isidentifier()):
            meant = f"{name_choices()}, or another name that the engine has for one"
            raise wrong_argument("TaskOptions.executor", executor, meant)
        if timeout is not None:
            check_positive("TaskOptions.timeout", timeout, "a number of seconds above 0")  # no attempt ends within 0
        check_seconds("TaskOptions.max_age", max_age)
        if priority is not None:
            check_argument("TaskOptions.priority", priority, int, "a whole number")
        if type(self.code) is not str or self.code not in _CODE_RULES:
            raise wrong_argument("TaskOptions.code", self.code, "'ignore', 'warn' or 'refuse'")
        if self.code != "ignore":
            _checked.append(True)
        if max_age is not None:
            AGED.append(True)


_checked: list[bool] = []  # something, once a class has asked for its code to be checked


def code_is_checked() -> bool:
    """Whether there may be a class of which results are compared with its code: in a notebook all are."""
    return bool(_checked) or ("IPython" in sys.modules and in_notebook())  # the former is seen without a call


#: Something, once a class has said how old its results may be.
AGED: list[bool] = []


def in_notebook() -> bool:
    """Whether classes of ``__main__`` are made by the cells of a notebook."""
    return "IPython" in sys.modules and main_module_name() == "__main__"
