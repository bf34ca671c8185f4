"""Names of the files of checkpoints in a storage's reserved space."""

from __future__ import annotations

import re

from alexflow.identity.blake2 import blake2b

_SAVED = re.compile(r"([0-9a-f]{40})-(\d{12})\.checkpoint")


def stem_of(task_id: str, name: str, code: str, prefix: str) -> str:
    """Return what the names of all files of one checkpoint begin with.

    Args:
        task_id: the task's id.
        name: the checkpoint's name.
        code: the digest of the code of the task's class, where another code must not find it; else "".
        prefix: of the storage's keys in the storage that holds the space.
    """
    parts = "\0".join((prefix, task_id, name, code))
    return blake2b(parts.encode(), digest_size=20).hexdigest()


def file_name(stem: str, number: int) -> str:
    """Return the name of a file; names sort by number."""
    return f"{stem}-{number:012d}.checkpoint"


def parse(name: str) -> tuple[str, int] | None:
    """Return the stem and the number in a name, or None for the name of something else."""
    match = _SAVED.fullmatch(name)
    return None if match is None else (match[1], int(match[2]))


def label_name(stem: str) -> str:
    """Return the name of the file that says whose checkpoint it is."""
    return f"{stem}.task"


def stem_in(name: str) -> str | None:
    """Return the stem in the name of such a file, or None for the name of something else."""
    return name.removesuffix(".task") if name.endswith(".task") else None
