"""Control groups (containers): the limits of this process's own group and of those above it, as files say them."""

from __future__ import annotations

from collections.abc import Iterator

from alexflow.blocks_briefly import blocks_briefly

ROOT = "/sys/fs/cgroup"
OWN = "/proc/self/cgroup"

_UNLIMITED = 1 << 60  # bytes; version 1 says "no limit" by a number that is as large as it can be


def directories(controller: str, root: str = ROOT, own: str = OWN) -> Iterator[tuple[int, str]]:
    """Yield the version and directory of each control group that bounds this process, innermost first.

    Args:
        controller: ``cpu`` or ``memory``, which version 1 has in directories of their own.
        root: where control groups are.
        own: the file that lists those of this process.
    """
    for line in read(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for directory in _and_above(root, path):
                yield 2, directory
        elif controller in controllers.split(","):
            for name in dict.fromkeys((controllers, controller)):
                for directory in _and_above(f"{root}/{name}", path):
                    yield 1, directory


def _and_above(root: str, path: str) -> Iterator[str]:
    """A group's directory and those above it; in a container the path may be the host's, and only the root is seen."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts), -1, -1):
        yield "/".join([root, *parts[:count]])


def limits_of_memory(root: str = ROOT, own: str = OWN) -> Iterator[int]:
    """Yield the limit of each control group that has one, in bytes."""
    for version, directory in directories("memory", root, own):
        limit = read(f"{directory}/{'memory.max' if version == 2 else 'memory.limit_in_bytes'}").strip()
        if limit.isdigit() and 0 < int(limit) < _UNLIMITED:
            yield int(limit)


def memory_kills(root: str = ROOT, own: str = OWN) -> int:
    """Return how many processes the system has killed for memory in this process's control groups; 0 if unknown."""
    kills = 0
    for version, directory in directories("memory", root, own):
        for line in read(f"{directory}/{'memory.events' if version == 2 else 'memory.oom_control'}").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill" and count.isdigit():
                kills += int(count)
    return kills


class MemoryKills:
    """Processes that the system has killed for memory, of those that this process is bounded with."""

    def __init__(self) -> None:
        self._seen = memory_kills()

    def latest(self) -> str:
        """Return what is to be said of a process that was killed just now; "" if it was not for memory."""
        before, self._seen = self._seen, memory_kills()
        return "" if self._seen == before else "the system has killed it for want of memory"


@blocks_briefly("once an engine, or when a worker process has been killed")
def read(path: str) -> str:
    """Return the text of a small file of the system's; "" if there is none."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
