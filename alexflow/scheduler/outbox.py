"""Instructions gathered while an event is handled, each kind in one piece."""

from __future__ import annotations

from alexflow.scheduler.instructions import Cancel, Forget, Inspect, Instruction, Remove, Start


class Outbox:
    """Collects; :meth:`drain` gives what came together, in a fixed order."""

    __slots__ = ("cancel", "forget", "inspect_keys", "inspect_tasks", "others", "remove", "start")

    def __init__(self) -> None:
        self.start: list[str] = []
        self.cancel: list[str] = []
        self.remove: list[str] = []
        self.forget: list[str] = []
        self.inspect_keys: list[str] = []
        self.inspect_tasks: list[str] = []
        self.others: list[Instruction] = []

    def drain(self) -> list[Instruction]:
        """All instructions gathered since the last time: removals before starts, endings last."""
        drained: list[Instruction] = []
        if self.cancel:
            drained.append(Cancel(tuple(self.cancel)))
            self.cancel = []
        if self.remove:
            drained.append(Remove(tuple(self.remove)))
            self.remove = []
        if self.inspect_keys or self.inspect_tasks:
            drained.append(Inspect(tuple(self.inspect_keys), tuple(self.inspect_tasks)))
            self.inspect_keys = []
            self.inspect_tasks = []
        if self.start:
            drained.append(Start(tuple(self.start)))
            self.start = []
        if self.others:
            drained += self.others
            self.others = []
        if self.forget:
            drained.append(Forget(tuple(self.forget)))
            self.forget = []
        return drained
