"""The supply of an agent: the CPUs, memory and devices that jobs may claim there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alexflow.errors import DefinitionError
from alexflow.executors.capacity import Capacity, Device, Supply
from alexflow.executors.cpus import cpus
from alexflow.executors.devices import SEARCHED, check_devices, find_gpus
from alexflow.executors.library_threads import own_share
from alexflow.executors.memory_text import memory_text
from alexflow.executors.supply import memory
from alexflow.model.resource_spec import WHOLE


@dataclass(frozen=True)
class AgentLimits:
    """The part of its machine that an agent may use.

    Attributes:
        cpus: how many; None for all that its process may use.
        memory: bytes; its workers are watched, as the system does not know of this limit. None for all that there is.
        devices: by kind; None for the GPUs that are found.
    """

    cpus: int | None = None
    memory: int | None = None
    devices: Mapping[str, Sequence[Device]] | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of devices that a worker does not see unless its job has claimed some."""
        return tuple(self.devices or ())

    def supply(self) -> Supply:
        """Return what jobs may claim."""
        count, there = self.cpus or own_share() or cpus(), memory()
        limit = min(size for size in (self.memory, there) if size) if self.memory or there else 0
        if self.devices is None:
            return Supply(count, limit, {"gpu": find_gpus()}, SEARCHED)
        return Supply(count, limit, self.devices)


def devices_in(texts: Iterable[str]) -> dict[str, tuple[Device, ...]]:
    """Return the devices that texts such as ``gpu=0,1`` name, by kind.

    Raises:
        DefinitionError: a text is none.
    """
    return check_devices(dict(map(_devices, texts)))


def _devices(text: str) -> tuple[str, list[Device]]:
    kind, is_given, listed = text.partition("=")
    if not is_given:
        raise DefinitionError(f"devices are given as gpu=0,1, not {text!r}")
    return kind, [int(name) if name.isdigit() else name for name in listed.split(",") if name]


def capacity_of(supply: Supply, places: int) -> Capacity:
    """Return the capacity of an agent that has so many places."""
    capacity = Capacity(lambda: supply, places, max(1, supply.cpus * WHOLE // places))
    capacity.activate()
    return capacity


def supply_text(supply: Supply) -> str:
    """Return a supply for a message: ``8 CPUs, 32.0 GiB of memory, 2 of 'gpu'``."""
    parts = [f"{supply.cpus} CPU{'s' * (supply.cpus != 1)}"]
    if supply.memory:
        parts.append(f"{memory_text(supply.memory)} of memory")
    parts += [f"{len(found)} of {kind!r}" for kind, found in supply.devices.items() if found]
    return ", ".join(parts)
