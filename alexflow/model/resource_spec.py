"""``ResourceSpec``: what a task needs of the machine that runs it, and ``Needs``, the same as numbers.

Amounts are whole numbers, so that sums are exact: thousandths of a CPU or of a device, and bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from alexflow.arguments import is_number, wrong_argument
from alexflow.errors import AlexflowError, DefinitionError
from alexflow.frozen import Frozen, allow_frozen_subclasses, frozen_dataclass, set_field

#: The thousandths in one CPU or device.
WHOLE = 1000

#: Bytes of memory without which no process lives: who asks for fewer forgot the unit.
LEAST_MEMORY = 1_000_000

_UNITS = {unit: 1000**power for power, unit in enumerate(["", "K", "M", "G", "T", "P"])}
_UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate(["", "K", "M", "G", "T", "P"]) if unit}

_MEMORY = r"(\d+(?:\.\d+)?)\s*([KMGTP]i?)?B?"  # compiled when it is first used, by ``re``


class Needs(NamedTuple):
    """The needs of a task as numbers.

    Attributes:
        cpus: thousandths of a CPU; None for as much as a task that asks for nothing.
        memory: bytes; 0 if nothing is said.
        devices: kinds of devices with the thousandths of each, sorted.
    """

    cpus: int | None
    memory: int
    devices: tuple[tuple[str, int], ...]


@frozen_dataclass
class ResourceSpec(Frozen):
    """Resources that a task needs of the machine that runs it. They are no part of the id. ::

        class Train(Task):
            resource_spec = ResourceSpec(cpus=4, memory="8GiB", gpus=1)

    The engine starts such a task when that much is free, and runs others beside it. ``Train(…, resource_spec=…)`` sets
    it for one task. In worker processes, here and at agents, in threads, and on the event loop; other executors have
    their own rules.

    Attributes:
        cpu_requests, cpu_limits: ``cpus`` in the notation of Kubernetes, as in alexflow 1.x: ``"500m"``, ``"2"``.
            Limits are read where there are no requests.
        memory_requests, memory_limits: the same for ``memory``.
        gpu: ``gpus``, as in alexflow 1.x.
        cpus: how many CPUs, and so how many threads numerical libraries start for it. By default as many as for any
            other task.
        memory: bytes, or a text such as ``"8GiB"``, ``"8GB"`` or ``"512MiB"``.
        gpus: how many whole devices, or the share of one, such as 0.5.
        devices: the same for other kinds of devices, by kind: ``{"tpu": 1}``.

    Raises:
        DefinitionError: a value is none of these.
    """

    cpu_requests: str | None = None
    cpu_limits: str | None = None
    memory_requests: str | None = None
    memory_limits: str | None = None
    gpu: int | None = None
    cpus: float | None = None
    memory: int | str | None = None
    gpus: float | None = None
    devices: Mapping[str, float] | None = None

    def __init__(
        self,
        cpu_requests: str | None = None,
        cpu_limits: str | None = None,
        memory_requests: str | None = None,
        memory_limits: str | None = None,
        gpu: int | None = None,
        *,
        cpus: float | None = None,
        memory: int | str | None = None,
        gpus: float | None = None,
        devices: Mapping[str, float] | None = None,
    ) -> None:
        set_field(self, "cpu_requests", cpu_requests)
        set_field(self, "cpu_limits", cpu_limits)
        set_field(self, "memory_requests", memory_requests)
        set_field(self, "memory_limits", memory_limits)
        set_field(self, "gpu", gpu)
        set_field(self, "cpus", cpus)
        set_field(self, "memory", memory)
        set_field(self, "gpus", gpus)
        set_field(self, "devices", devices)
        if not (cpus is None and memory is None and gpus is None and devices is None):
            _needs(self)  # 1.x took anything for its own fields: they are read where the task is to run

    def needs(self) -> Needs:
        """Return what it asks for as numbers.

        Raises:
            DefinitionError: a field of 1.x has a value that means nothing.
        """
        return _needs(self)


allow_frozen_subclasses(ResourceSpec)

# Stored documents name it so, and the module of tasks has it, too. Set here: ``dataclass`` looks into a class's module.
ResourceSpec.__module__ = "alexflow.model.task"


def _needs(spec: ResourceSpec) -> Needs:
    cpus = _one_of(spec, ("cpus", "cpu_requests", "cpu_limits"))
    memory = _one_of(spec, ("memory", "memory_requests", "memory_limits"))
    gpus = _one_of(spec, ("gpus", "gpu"))
    devices: dict[str, int] = {}
    if spec.devices is not None:
        if not isinstance(spec.devices, Mapping):
            raise _wrong("devices", "a dict from kind to number, such as {'tpu': 1}", spec.devices)
        for kind, amount in spec.devices.items():
            if not isinstance(kind, str) or not kind.isidentifier():
                raise _wrong("devices", "a dict whose keys are names, such as {'tpu': 1}", spec.devices)
            devices[kind] = _devices(f"devices[{kind!r}]", amount)
    if gpus is not None:
        if devices.get("gpu"):
            raise DefinitionError(f"ResourceSpec has both {gpus} and devices['gpu']; give one of them")
        devices["gpu"] = _devices(gpus, getattr(spec, gpus))
    return Needs(
        None if cpus is None else _cpus(cpus, getattr(spec, cpus)),
        0 if memory is None else _memory(memory, getattr(spec, memory)),
        tuple(sorted((kind, amount) for kind, amount in devices.items() if amount)),
    )


def _one_of(spec: ResourceSpec, names: tuple[str, ...]) -> str | None:
    """The field that counts among several with one meaning: requests come before limits."""
    given = [name for name in names if getattr(spec, name) is not None]
    if len(given) > 1 and given[0] == names[0]:
        raise DefinitionError(f"ResourceSpec has both {given[0]} and {given[1]}, which mean the same; give {given[0]}")
    return given[0] if given else None


def _cpus(name: str, value: object) -> int:
    amount = _number(value)
    if amount is None and isinstance(value, str) and name != "cpus":
        amount = _of_kubernetes(value)
    if amount is None or not 0 < amount < 1e6:
        raise _wrong(name, "a number of CPUs above 0, such as 4" + (" or '500m'" if name != "cpus" else ""), value)
    return max(1, round(amount * WHOLE))


def _of_kubernetes(text: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m?)", text.strip())
    return float(found[1]) / (WHOLE if found[2] else 1) if found else None


def _memory(name: str, value: object) -> int:
    amount = value if type(value) is int else None
    if isinstance(value, str) and (found := re.fullmatch(_MEMORY, value.strip())):
        amount = int(float(found[1]) * _UNITS[found[2] or ""])
    if amount is None or amount < LEAST_MEMORY:
        raise _wrong(name, "a text such as '8GiB', or a number of bytes, of which a process needs a million", value)
    return amount


def _devices(name: str, value: object) -> int:
    amount = _number(value)
    if amount is None or amount < 0 or amount > 1e6 or (amount > 1 and amount != int(amount)):
        raise _wrong(name, "a whole number of devices, or a share of one, such as 0.5", value)
    return max(1, int(amount * WHOLE)) if amount else 0


def _number(value: object) -> float | None:
    return value if is_number(value) else None


def _wrong(name: str, meant: str, value: object) -> AlexflowError:
    return wrong_argument(f"ResourceSpec.{name}", value, meant)
