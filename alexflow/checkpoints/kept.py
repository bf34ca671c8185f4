"""The checkpoints that a storage keeps: whose they are, and how much room they take."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from alexflow.checkpoints.names import parse, stem_in
from alexflow.storage import Storage
from alexflow.storage.reserved import ReservedSpace


class _Label(msgspec.Struct, frozen=True):
    """The description in the file beside a checkpoint's own; small, so that a listing need not read those."""

    task_id: str
    name: str
    prefix: str = ""  # of the storage's keys in the storage that holds the space


class KeptCheckpoint(NamedTuple):
    """One checkpoint of one task.

    Attributes:
        task_id: the task.
        name: its name.
        saves: how many times it has been saved.
        files: the names of its files in the storage's reserved space.
        bytes: their size; None where that is not known without reading them.
        saved: when it was saved last, in seconds since 1970; None where that is not known.
    """

    task_id: str
    name: str
    saves: int
    files: tuple[str, ...]
    bytes: int | None
    saved: float | None


def encode_label(task_id: str, name: str, prefix: str) -> bytes:
    """Return the content of the file that says whose checkpoint it is."""
    return msgspec.json.encode(_Label(task_id, name, prefix))


def kept_checkpoints(storage: Storage) -> list[KeptCheckpoint]:
    """List the checkpoints of tasks of a storage."""
    space = storage.reserved("checkpoints")
    if space is None:
        return []
    files: defaultdict[str, list[str]] = defaultdict(list)
    sizes = space.sizes()
    for name in sorted(sizes):
        saved = parse(name)
        stem = stem_in(name) if saved is None else saved[0]
        if stem is not None:
            files[stem].append(name)
    labels = {stem: f"{stem}.task" for stem in files}
    contents = dict(space.read_many([name for stem, name in labels.items() if name in files[stem]]))
    kept: list[KeptCheckpoint] = []
    for stem, name in labels.items():
        whose = msgspec.json.decode(contents[name], type=_Label) if name in contents else None
        if whose is not None and whose.prefix == space.prefix:
            kept.append(_kept(space, files[stem], whose, sizes))
    return kept


def remove_checkpoint(storage: Storage, checkpoint: KeptCheckpoint) -> None:
    """Remove a checkpoint."""
    space = storage.reserved("checkpoints")
    if space is not None:
        for name in checkpoint.files:
            space.remove(name)


def _kept(space: ReservedSpace, files: Sequence[str], whose: _Label, sizes: Mapping[str, int]) -> KeptCheckpoint:
    saves = max([saved[1] for name in files if (saved := parse(name)) is not None], default=0)
    known = [sizes.get(name, 0) for name in files]
    return KeptCheckpoint(
        whose.task_id, whose.name, saves, tuple(files), None if -1 in known else sum(known), _saved_at(space, files)
    )


def _saved_at(space: ReservedSpace, files: Sequence[str]) -> float | None:
    if space.directory is None:
        return None
    at: float | None = None
    for name in files:
        with suppress(FileNotFoundError):  # another save has replaced it
            at = max(at or 0.0, os.stat(f"{space.directory}/{name}").st_mtime)
    return at
