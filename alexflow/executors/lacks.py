"""``Lack``: one thing that a job which is ready waits for, as its executor counts them: CPUs, memory, a device."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from alexflow.executors.memory_text import memory_text
from alexflow.model.resource_spec import WHOLE

#: Tasks that are named of those that hold something.
MOST_HOLDERS = 5

#: The kinds of things.
LackKind = Literal["core", "memory", "device", "place"]


class Lack(Struct, frozen=True):
    """A thing of which there is not enough free for a job.

    Attributes:
        kind: the thing; ``place``: one in the executor.
        name: the kind of the device, or "".
        wanted: bytes, or thousandths of a CPU or a device.
        free: the same.
        all: the same.
        holders: ids of tasks that have claimed some of it.
        kept_for: the id of a job that has waited longer, and gets what comes free first; "" for none.
    """

    kind: LackKind
    name: str = ""
    wanted: int = 0
    free: int = 0
    all: int = 0
    holders: tuple[str, ...] = ()
    kept_for: str = ""

    def __str__(self) -> str:
        what = {"core": "CPUs", "device": f"the device {self.name!r}"}.get(self.kind, self.kind)
        wanted, free, there = (
            memory_text(amount) if self.kind == "memory" else f"{amount / WHOLE:g}"
            for amount in (self.wanted, max(0, self.free), self.all)
        )
        kept = f", which {self.kept_for} gets first, as it has waited longer" if self.kept_for else ""
        return f"{what}: it asks for {wanted}, and {free} of {there} are free{kept}"
