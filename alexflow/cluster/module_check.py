"""The check that agents have the modules of tasks, and those that the engine has.

A worker imports the module of a task's class. Where that is missing, its tasks fail; where it is another one, as an
older version, they run as it says. So an agent is asked for each such module before it gets a task: it looks for the
source, imports nothing, and says what is missing and what differs. The engine logs it once for each host, and tasks go
on: a class that is not imported there fails with the same remedies (:func:`with_remedies`).
"""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from importlib.machinery import ModuleSpec

from msgspec.structs import replace

from alexflow.blocks_briefly import blocks_briefly
from alexflow.errors import ShippingError
from alexflow.executors.captured_error import CapturedError
from alexflow.hooks import class_name
from alexflow.identity.blake2 import blake2b
from alexflow.logs import logger

#: Bytes of the digest of a module's source.
FILE_DIGEST_SIZE = 16


@blocks_briefly("once a module of tasks: a small file")
def digest_of(spec: ModuleSpec | None) -> bytes:
    """Return the digest of a module's source; empty if it is in no file that can be read."""
    if spec is not None and spec.has_location and spec.origin is not None and spec.origin.endswith(".py"):
        with suppress(OSError), open(spec.origin, "rb") as file:
            return blake2b(file.read(), digest_size=FILE_DIGEST_SIZE).digest()
    return b""


def find_module(name: str) -> ModuleSpec | None:
    """Find a module as an import would; execute nothing, not even the packages that it is in."""
    spec: ModuleSpec | None = None
    path: list[str] | None = None
    found = ""
    for part in name.split("."):
        found = f"{found}.{part}" if found else part
        spec = _found_in(found, path)
        if spec is None:
            return None
        path = _places_in(spec, part, sys.path if path is None else path)
    return spec


def _found_in(name: str, path: list[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        try:
            spec: ModuleSpec | None = getattr(finder, "find_spec", _finds_nothing)(name, path)
        except KeyError:  # a package without a file, in one that is not imported
            spec = ModuleSpec(name, None, is_package=True)
        if spec is not None:
            return spec
    return None


def _finds_nothing(name: str, path: list[str] | None) -> None:
    return None


def _places_in(spec: ModuleSpec, part: str, path: list[str]) -> list[str]:
    """Return where the modules of a package are. One without a file would ask for its parents: it is worked out."""
    if spec.origin is None and spec.submodule_search_locations is not None:
        return [place for entry in path if os.path.isdir(place := os.path.join(entry, part))]
    return list(spec.submodule_search_locations or ())


def compare_modules(digests: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """Return which of these modules are missing here, and which have another source.

    Args:
        digests: of their sources elsewhere, by name; an empty one is not compared.
    """
    missing, differing = [], []
    for name, digest in digests.items():
        try:
            spec = find_module(name)
        except Exception:  # whatever a finder of the program raises
            spec = None
        if spec is None:
            missing.append(name)
        elif digest and (here := digest_of(spec)) and here != digest:
            differing.append(name)
    return missing, differing


class ModuleCheck:
    """The engine's side.

    Attributes:
        digests: of the modules of tasks, by name; modules whose classes travel by value are not among them.
    """

    def __init__(self) -> None:
        self.digests: dict[str, bytes] = {}
        self._said: set[tuple[str, str]] = set()

    def add(self, classes: Iterable[type]) -> dict[str, bytes]:
        """Take in classes that workers import; return the modules that are new."""
        new: dict[str, bytes] = {}
        for cls in classes:
            name = cls.__module__
            if name not in self.digests:
                module = sys.modules.get(name)
                new[name] = self.digests[name] = digest_of(getattr(module, "__spec__", None))
        return new

    def say(self, agent: str, host: str, missing: Iterable[str], differing: Iterable[str]) -> None:
        """Log what an agent has found, once for each host."""
        for name in missing:
            if self._is_new(host, name):
                logger.error("%s, which tasks need, is not on %s (agent %s); %s", name, host, agent, remedies(name))
        for name in differing:
            if self._is_new(host, name):
                text = "%s on %s (agent %s) is not what it is here, as an older version: tasks run as it says there; %s"
                logger.warning(text, name, host, agent, remedies(name))

    def _is_new(self, host: str, name: str) -> bool:
        is_new = (host, name) not in self._said
        self._said.add((host, name))
        return is_new


def remedies(name: str) -> str:
    """Return the three remedies for a module that is not on an agent's host."""
    top = name.partition(".")[0]
    return (
        f"install it there, or send it with the tasks (modules=[{top!r}] of the executor), "
        "or give the cluster's workers an environment that has it"
    )


def with_remedies(fault: CapturedError, host: str, by_value: Collection[str]) -> CapturedError:
    """Return a fault with what there is to do, if a class cannot be imported on a host; return others as they are."""
    if fault.error_type != class_name(ShippingError) or "ModuleNotFoundError: No module named" not in fault.message:
        return fault
    name = fault.message.rpartition("No module named ")[2].strip("'\"")
    if name.partition(".")[0] in by_value:
        return fault
    error = ShippingError(f"{fault.message}, on {host}; {remedies(name)}")
    return replace(fault, message=str(error), pickled=pickle.dumps(error))
