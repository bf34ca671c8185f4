"""``alexflow.current``: the one door through which a task's code asks about its own execution."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Never

from alexflow.errors import DefinitionError, NotInTask, UnknownStorage
from alexflow.executors.enclosing_tasks import running_here
from alexflow.executors.task_context import TaskContext
from alexflow.executors.task_report import make_report
from alexflow.hooks import SHORT_TEXT, plain_text, repr_of

if TYPE_CHECKING:
    from alexflow.checkpoints import Checkpoint
    from alexflow.engine.engine import Engine

#: Saves of a checkpoint that are kept by default: one to go on from, and one should that be damaged.
KEEP = 2


class Current:
    """The task that is running. Works in worker processes, in threads that the engine starts, and on the event loop.

    In a worker process it works in every thread. In the engine's process, a thread that a task starts by itself has no
    context of the task: start it by ``contextvars.copy_context().run``, as :func:`asyncio.to_thread` does.

    Everything here raises :class:`~alexflow.errors.NotInTask` where no task is running.
    """

    @property
    def task_id(self) -> str:
        """The id of the running task."""
        return _context().task_id

    @property
    def attempt(self) -> int:
        """The number of this attempt at the task, from 1 on. One that ended with the death of its worker counts."""
        return _context().facts.attempt

    @property
    def run_id(self) -> str:
        """The id of the run for which the task counts, as the record and ``alexflow runs`` have it."""
        return _context().facts.run_id

    @property
    def deadline(self) -> float | None:
        """The end of this attempt's time (``timeout``), by the clock of :func:`time.monotonic`; None for no limit.

        What is left, in seconds, is ``current.deadline - time.monotonic()``.
        """
        return _context().deadline

    @property
    def should_stop(self) -> bool:
        """Whether the task should save what it needs, and end.

        It should once its timeout is over, its run is cancelled, or the engine's process or its own was told to end
        (Ctrl-C, SIGTERM, SIGUSR1). The engine's ``grace`` is the time that is left then.

        A task that asks is not interrupted: it ends by returning, or by raising what it likes. One that has never asked
        gets :class:`~alexflow.errors.TaskStopped`, or :class:`asyncio.CancelledError`, wherever it is.
        """
        return _context().stop_requested()

    @property
    def pruned(self) -> bool:
        """Whether this task is to end early, as going on is not worth it (:meth:`Engine.prune`)."""
        return _context().is_pruned()

    def report(self, *positional: Never, step: int | None = None, of: int | None = None, **values: Any) -> None:
        """Report how far the task is. ::

            current.report(step=3, of=10, loss=0.4)

        It is an event (:class:`~alexflow.events.TaskReported`) at once, is shown with the progress, and kept in the
        record. Of several within a tenth of a second the last one counts.

        Args:
            step: the step that is done.
            of: how many steps there are.
            values: what else there is to say: numbers, or short texts.

        Raises:
            DefinitionError: a value is something else, or has no name.
        """
        if positional:
            raise DefinitionError("current.report takes its values by name: current.report(step=3, of=10, loss=0.4)")
        _context().report(make_report(step, of, values))

    def spent(self, **amounts: float) -> None:
        """Say what the attempt has really spent of the limited rates of its tags, in all until now. ::

            answer = call_model(prompt)
            current.spent(tokens=answer.usage.total_tokens)

        It replaces what :class:`~alexflow.limits.RateLimit` took for the cost: what is left over is there for others at
        once, and what was spent beyond it counts from now on. A unit that no limit of the task has is ignored.

        Args:
            amounts: numbers, by unit.

        Raises:
            DefinitionError: a value is something else.
        """
        for unit, amount in amounts.items():
            if not isinstance(amount, int | float) or not 0 <= amount < inf:
                raise DefinitionError(
                    f"current.spent({unit}=…) takes a number of at least 0, not {repr_of(amount, SHORT_TEXT)}"
                )
        _context().spent({plain_text(unit): float(amount) for unit, amount in amounts.items()})

    def checkpoint(self, name: str = "state", *, keep: int = KEEP) -> Checkpoint:
        """The state that this task saves while it runs, to go on from there when it is run again. ::

            with current.checkpoint() as checkpoint:
                state = checkpoint.load(default=new_state())
                for step in range(state.step, 100):
                    state.train()
                    checkpoint.save(state)

        It is kept in the task's storage under the task's id: any later attempt, run or machine finds it, a task with
        another parameter never does. Where the class has ``TaskOptions(code="refuse")``, neither does other code. It is
        removed when the task's outputs are published.

        Args:
            name: where a task has several, the name of this one.
            keep: how many of the last saves are kept.

        Returns:
            A context manager, also an asynchronous one.

        Raises:
            UnknownStorage: the storage has no room beside its outputs.
        """
        from alexflow.checkpoints import Checkpoint  # deferred: few tasks have one

        context = _context()
        return Checkpoint(context.storage, context.task_id, name, keep=keep, code=context.facts.code)

    def card(
        self,
        html: str | None = None,
        *,
        markdown: str | None = None,
        figure: Any = None,
        name: str = "card",
    ) -> None:
        """Show something of the task in the report of its run and on the live page. ::

            current.card(f"<b>{accuracy:.1%}</b>", name="accuracy")
            current.card(figure=plot(losses), name="loss")

        Cards are kept in the task's storage when it is done, and removed with its outputs by ``alexflow gc``; those of
        an attempt that fails are dropped. No script in one runs, and nothing that one refers to is loaded.

        Args:
            html: HTML; what comes from elsewhere is to be escaped, as everywhere.
            markdown: Markdown, in the place of HTML.
            figure: what a notebook shows (``_repr_svg_``, ``_repr_html_``, ``_repr_png_``), or a figure of matplotlib.
            name: of several, the name of this one; of the same name the last one counts.

        Raises:
            DefinitionError: none of the three is given, or several; it is larger than 1 MiB; or the task has 16.
            UnknownStorage: the storage has no room beside its outputs.
        """
        from alexflow.cards.card import MAX_CARDS, make_card  # deferred: few tasks have one
        from alexflow.cards.pending import pending

        context = _context()
        card = make_card(html, markdown, figure, name)
        if context.storage.reserved("attachments") is None:
            raise UnknownStorage(f"{type(context.storage).__qualname__} has no room for cards beside its outputs")
        if context.task_id not in pending:
            pending[context.task_id] = context.facts.run_id, {}
        cards = pending[context.task_id][1]
        if len(cards) >= MAX_CARDS and name not in cards:
            raise DefinitionError(f"a task has {MAX_CARDS} cards at most; one of the same name replaces an earlier one")
        cards[name] = card

    @property
    def engine(self) -> Engine:
        """The engine that runs the task; not in worker processes.

        Raises:
            NotInTask: no task is running here, or the engine is in another process.
        """
        engine: Engine | None = _context().engine
        if engine is None:
            raise NotInTask(
                "current.engine is there in generate(), in async tasks and in those that run in threads; a worker "
                "process has no engine: make the task async, or set options = TaskOptions(executor='thread')"
            )
        return engine

    @property
    def devices(self) -> dict[str, list[int | str]]:
        """The devices that the running task has, by kind: those that its ``resource_spec`` asks for.

        They are named as in ``Engine(devices=…)``, or as the system does. In a worker process libraries see no others
        of their kind and count them from 0: whatever ``current.devices["gpu"][0]`` is, it is ``cuda:0`` there.

        Raises:
            NotInTask: no task is running here.
        """
        return _Devices((kind, list(found)) for kind, found in _context().devices.items())

    def __repr__(self) -> str:
        context = running_here()
        return f"<alexflow.current: {'no task' if context is None else context.task_id or 'no task'}>"


class _Devices(dict[str, list[int | str]]):
    """Devices by kind, whose refusal of a kind names those that there are."""

    def __missing__(self, kind: str) -> list[int | str]:
        has = f"it has {', '.join(map(repr, self))}" if self else "it has none"
        raise KeyError(f"the task asks for no {kind!r} in its resource_spec: {has}")


def _context() -> TaskContext:
    context = running_here()
    if context is None:
        raise NotInTask("alexflow.current is only there while a task runs: use it in run() or generate()")
    return context


#: The one instance.
current = Current()
