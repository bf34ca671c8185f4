"""The environment of an engine: Python, platform, packages, git commit. Read from files; no process is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import suppress

from alexflow.identity.blake2 import blake2b
from alexflow.record.lines import EnvironmentLine
from alexflow.storage.reserved import ReservedSpace

#: The beginning of the names of the files that list packages.
PACKAGES_PREFIX = "packages-"

_DIST_INFO = ".dist-info"
_MOST_STEPS = 64  # directories between the working directory and the root


def environment(space: ReservedSpace) -> EnvironmentLine:
    """Return the environment; the list of its packages is written once for all engines. It blocks."""
    packages = sorted(set(installed_packages()))
    listed = "".join(f"{package}\n" for package in packages).encode()
    digest = blake2b(listed, digest_size=8).hexdigest()
    name = f"{PACKAGES_PREFIX}{digest}.txt"
    with suppress(Exception):  # the digest still says whether two are the same
        _store_once(space, name, listed)
    version = ".".join(map(str, sys.version_info[:3]))
    return EnvironmentLine(version, f"{sys.platform}-{os.uname().machine}", digest, git_commit(_working_directory()))


def _store_once(space: ReservedSpace, name: str, data: bytes) -> None:
    try:
        space.read(name)
    except FileNotFoundError:
        space.write(name, data)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it has been removed
        return ""


def installed_packages() -> Iterator[str]:
    """Yield the installed distributions, ``name-version``, as the directories of :data:`sys.path` name them."""
    for directory in sys.path:
        try:
            names = os.listdir(directory or ".")
        except OSError:
            continue
        yield from (name.removesuffix(_DIST_INFO) for name in names if name.endswith(_DIST_INFO))


def git_commit(directory: str) -> str:
    """Return the commit that is checked out where a directory is; empty where none is."""
    try:
        for _ in range(_MOST_STEPS):
            place = f"{directory}/.git"
            if os.path.exists(place):
                return _head(place)
            directory, below = os.path.dirname(directory), directory
            if directory == below:
                break
    except (OSError, UnicodeDecodeError):  # not readable for this process, or no repository of a kind known here
        pass
    return ""


def _head(place: str) -> str:
    if os.path.isfile(place):  # of a worktree or a submodule: it names the repository
        place = os.path.join(os.path.dirname(place), _read(place).removeprefix("gitdir: "))
    head = _read(f"{place}/HEAD")
    if not head.startswith("ref: "):
        return head
    name = head.removeprefix("ref: ")
    common = f"{place}/commondir"
    shared = os.path.join(place, _read(common)) if os.path.exists(common) else place
    for repository in (place, shared):
        if os.path.exists(f"{repository}/{name}"):
            return _read(f"{repository}/{name}")
    packed = f"{shared}/packed-refs"
    lines = _read(packed).splitlines() if os.path.exists(packed) else []
    return next((line.split()[0] for line in lines if line.endswith(f" {name}")), "")


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().strip()
