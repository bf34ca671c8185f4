"""Devices such as GPUs: which there are, and the variables by which libraries see some of them only.

Nothing of a device's own is loaded for that: no driver, no torch, no program is started. What the environment says
comes first, else the files by which the kernel offers devices are counted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alexflow.arguments import wrong_argument
from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import DefinitionError
from alexflow.executors.capacity import Device
from alexflow.hooks import SHORT_TEXT, repr_of

#: Says, in a worker process, to which devices it is bound: ``{"gpu": [0]}``.
DEVICES_VARIABLE = "ALEXFLOW_DEVICES"

#: Where devices are looked for, as messages say it.
SEARCHED = "CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES, HIP_VISIBLE_DEVICES, /dev/nvidia*, AMD's /sys/class/kfd"

_AMD_NODES = "sys/class/kfd/kfd/topology/nodes"


def check_devices(devices: object) -> dict[str, tuple[Device, ...]]:
    """Check an engine's ``devices``.

    Raises:
        DefinitionError: they are no dict from kind to indices or ids.
    """
    if not isinstance(devices, Mapping):
        raise wrong_argument("devices", devices, "a dict, such as {'gpu': [0, 1]}")
    checked: dict[str, tuple[Device, ...]] = {}
    for kind, found in devices.items():
        shown = f"devices[{repr_of(kind, SHORT_TEXT)}]"
        if not isinstance(kind, str) or not kind.isidentifier() or kind in ("cpus", "memory"):
            raise DefinitionError(f"{shown}: a kind of device is a name, such as 'gpu'")
        if not isinstance(found, list | tuple | range) or not all(map(_is_device, found)):
            raise wrong_argument(shown, found, "a list of indices or ids, such as [0, 1]")
        if len(set(found)) != len(found):
            raise DefinitionError(f"{shown} names a device twice: {repr_of(found, SHORT_TEXT)}")
        checked[kind] = tuple(found)
    return checked


def _is_device(value: object) -> bool:
    return (type(value) is int and value >= 0) or (type(value) is str and value != "" and "," not in value)


@blocks_briefly("once an engine, if a task asks for a device")
def find_gpus(environment: Mapping[str, str] = os.environ, root: str = "/") -> tuple[Device, ...]:
    """Return the GPUs that this process may use, as their system names them.

    Args:
        environment: says which are visible.
        root: where the file system begins.
    """
    for name in ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        if name in environment:
            return _visible(environment[name])
    devices = sorted(int(found[1]) for name in _listed(f"{root}dev") if (found := re.fullmatch(r"nvidia(\d+)", name)))
    if devices:
        return tuple(devices)
    nodes = [
        node for node in _listed(f"{root}{_AMD_NODES}") if _read(f"{root}{_AMD_NODES}/{node}/gpu_id") not in ("", "0")
    ]
    return tuple(range(len(nodes)))  # nodes that are CPUs have the id 0


def _visible(text: str) -> tuple[Device, ...]:
    """Read such a list: devices from the first that is none on are not visible."""
    found: list[Device] = []
    for part in map(str.strip, text.split(",")):
        if not part or part == "-1" or part == "NoDevFiles":
            break
        found.append(int(part) if part.isdigit() else part)
    return tuple(dict.fromkeys(found))


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


@blocks_briefly("once an engine, if a task asks for a device")
def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def variables_for(binding: Iterable[tuple[str, Sequence[Device]]], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which libraries see certain devices and no others.

    ROCm counts what is visible anew for HIP: if the environment says which devices there are for it, HIP gets numbers
    from 0 on.

    Args:
        binding: the devices, by kind; none of a kind hides all of it.
        environment: of the engine.
    """
    bound = {kind: list(devices) for kind, devices in binding}
    variables = {DEVICES_VARIABLE: msgspec.json.encode(bound).decode()} if bound else {}
    if "gpu" in bound:
        gpus = list(map(str, bound["gpu"]))
        names = ["CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"]
        visible = ",".join(gpus)
        if "ROCR_VISIBLE_DEVICES" in environment:
            variables["ROCR_VISIBLE_DEVICES"] = visible
            visible = ",".join(map(str, range(len(gpus))))
        variables |= dict.fromkeys(names, visible)
        if "ONEAPI_DEVICE_SELECTOR" in environment:
            variables["ONEAPI_DEVICE_SELECTOR"] = f"level_zero:{','.join(gpus)}" if gpus else "!level_zero:*"
    return variables


def bound_devices(environment: Mapping[str, str] = os.environ) -> dict[str, list[Device]]:
    """Return the devices to which this worker process is bound, by kind."""
    text = environment.get(DEVICES_VARIABLE, "")
    return {kind: found for kind, found in msgspec.json.decode(text).items() if found} if text else {}
