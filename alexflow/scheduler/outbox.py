"""Instructions gathered while an event is handled, each kind in one piece."""

from __future__ import annotations

from alexflow.scheduler.instructions import Cancel, Finish, Forget, Inspect, Instruction, Remove, Start


class Outbox:
    """Collects; :meth:`drain` gives what came together, in a fixed order.

    What is to be cancelled may have been started by the same event, and what is to be forgotten may have been asked for
    more, so these come after. How attempts ended comes first, for what failed may start again; then removals, because
    what they remove may be made again.
    """

    __slots__ = (
        "cancel",
        "finish",
        "forget",
        "inspect_keys",
        "inspect_tasks",
        "others",
        "question",
        "remove",
        "start",
        "told",
    )

    def __init__(self) -> None:
        self.question = 1  # the number of the next ``Inspect``
        self.told: list[Instruction] = []
        self.remove: list[str] = []
        self.inspect_keys: list[str] = []
        self.inspect_tasks: list[str] = []
        self.start: list[str] = []
        self.others: list[Instruction] = []
        self.cancel: list[str] = []
        self.finish: list[Finish] = []
        self.forget: list[str] = []

    def drain(self) -> list[Instruction]:
        """All instructions gathered since the last time."""
        drained: list[Instruction] = []
        if self.told:
            drained, self.told = self.told, drained
        if self.remove:
            drained.append(Remove(tuple(self.remove)))
            self.remove = []
        if self.inspect_keys or self.inspect_tasks:
            drained.append(Inspect(tuple(self.inspect_keys), tuple(self.inspect_tasks), self.question))
            self.question += 1
            self.inspect_keys = []
            self.inspect_tasks = []
        if self.start:
            drained.append(Start(tuple(self.start)))
            self.start = []
        if self.others:
            drained += self.others
            self.others = []
        if self.cancel:
            drained.append(Cancel(tuple(self.cancel)))
            self.cancel = []
        if self.finish:
            drained += self.finish
            self.finish = []
        if self.forget:
            drained.append(Forget(tuple(self.forget)))
            self.forget = []
        return drained
