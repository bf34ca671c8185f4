"""``SourceTasks``: the tasks behind outputs, which a job in a worker process asks for one by one."""

from __future__ import annotations

from alexflow.errors import ShippingError
from alexflow.executors.process.payload import Packer
from alexflow.executors.process.wire.messages import TaskReply, TaskRequest
from alexflow.executors.process.worker_set import WorkerSet
from alexflow.executors.process.worker_state import WorkerState
from alexflow.hooks import hook_error, text_of


class SourceTasks:
    """Sends workers what their jobs ask for.

    Args:
        packer: packs tasks.
        workers: those of the pool.
    """

    def __init__(self, packer: Packer, workers: WorkerSet):
        self._packer = packer
        self._workers = workers

    def send(self, worker: WorkerState, wanted: TaskRequest) -> None:
        """Send a worker a task that is behind an output of its job, or why it cannot travel."""
        sent = worker.sent.get(wanted.number)
        if sent is None:
            return
        try:
            if worker.sources_of != wanted.number:
                worker.sources_of, worker.sources = wanted.number, dict(self._packer.sources(sent.job.task))
            task = worker.sources.get(wanted.task_id)
            if task is None:
                raise ShippingError(f"{wanted.task_id} is not behind an output of {sent.job.task_id}")
            packed = self._packer.pack(task)
            worker.sources.update(self._packer.sources(task))
        except BaseException as error:
            fault = hook_error(sent.job.task, "__reduce__()", error)
            worker.process.send(TaskReply([], 0, [], text_of(fault)))
            return
        new = self._workers.new_definitions(worker, packed.needs)
        worker.process.send(TaskReply(new, packed.cls, packed.fields))
