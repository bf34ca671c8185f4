"""``alexflow.current``: the one door through which a task's code asks about its own execution."""

from __future__ import annotations

from alexflow.errors import NotInTask
from alexflow.executors.enclosing_tasks import of_worker, running


class Current:
    """The task that is running. Works in worker processes, in threads that the engine starts, and on the event loop.

    In a worker process it works in every thread. In the engine's process, a thread that a task starts by itself has no
    context of the task: start it by ``contextvars.copy_context().run``, as :func:`asyncio.to_thread` does.
    """

    @property
    def task_id(self) -> str:
        """The id of the running task.

        Raises:
            NotInTask: no task is running here.
        """
        task_id = running.get() or of_worker.running
        if task_id is None:
            raise NotInTask("alexflow.current is only there while a task runs: use it in run() or generate()")
        return task_id

    def __repr__(self) -> str:
        return f"<alexflow.current: {running.get() or of_worker.running or 'no task'}>"


#: The one instance.
current = Current()
