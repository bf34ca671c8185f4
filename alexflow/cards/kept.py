"""Cards that a storage keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from alexflow.cards.card import Card
from alexflow.hooks import SHORT_TEXT, passes, repr_of
from alexflow.identity.blake2 import blake2b
from alexflow.logs import logger
from alexflow.storage import Storage
from alexflow.storage.reserved import ReservedSpace

_ENDING = ".cards"


class _CardFile(msgspec.Struct, frozen=True):
    """The content of a file."""

    task_id: str
    cards: list[Card]
    prefix: str = ""  # of the storage's keys in the storage that holds the space


def _stem_of(task_id: str, space: ReservedSpace) -> str:
    return blake2b(f"{space.prefix}\0{task_id}".encode(), digest_size=20).hexdigest()


def _file_of(run_id: str, task_id: str, space: ReservedSpace) -> str:
    return f"{run_id or 'no-run'}-{_stem_of(task_id, space)}{_ENDING}"


def write_cards(storage: Storage, task_id: str, run_id: str, cards: Sequence[Card]) -> None:
    """Write the cards of a task in the place of earlier ones of the run. A failure is logged."""
    try:
        space = storage.reserved("attachments")
        if space is not None:
            space.write(
                _file_of(run_id, task_id, space), msgspec.json.encode(_CardFile(task_id, list(cards), space.prefix))
            )
    except BaseException as error:  # of the storage: the outputs are what counts
        if passes(error):
            raise
        logger.warning("the cards of %s could not be written: %s", task_id, repr_of(error, SHORT_TEXT))


def cards_of_task(storage: Storage, task_id: str, run_id: str) -> list[Card]:
    """Return the cards that a task has made in a run; none if there are none."""
    for space in storage.reserved_below("attachments"):
        for _, data in space.read_many([_file_of(run_id, task_id, space)]):
            return _decoded(data, space)[1]
    return []


def cards_of_run(storage: Storage, run_id: str) -> Iterator[tuple[str, list[Card]]]:
    """Yield the ids of tasks that have made cards in a run, each with these."""
    seen: set[str] = set()
    for space in storage.reserved_below("attachments") if run_id else ():
        for _, data in space.read_many([name for name in space.names(f"{run_id}-") if name.endswith(_ENDING)]):
            task_id, cards = _decoded(data, space)
            if cards and task_id not in seen:
                seen.add(task_id)
                yield task_id, cards


def copy_cards(source: Storage, target: Storage, run_of: Mapping[str, str]) -> None:
    """Copy the cards of tasks, each of one run.

    Args:
        source: where they are.
        target: where they are to be, too.
        run_of: the id of the run, by the task's.
    """
    for space in source.reserved_below("attachments"):
        there = set(space.names())
        names = {_file_of(run_id, task_id, space): run_id for task_id, run_id in run_of.items()}
        for name, data in space.read_many([name for name in names if name in there]):
            task_id, cards = _decoded(data, space)
            if cards:
                write_cards(target, task_id, names[name], cards)


def _decoded(data: bytes, space: ReservedSpace) -> tuple[str, list[Card]]:
    """Return a file's task and cards; nothing of what is of another part of the storage, or damaged."""
    try:
        file = msgspec.json.decode(data, type=_CardFile)
    except msgspec.MsgspecError:
        return "", []
    return (file.task_id, file.cards) if file.prefix == space.prefix else ("", [])


def remove_cards(storage: Storage, task_ids: Collection[str]) -> None:
    """Remove the cards of tasks, of all runs."""
    space = storage.reserved("attachments")
    if space is not None and task_ids:
        stems = {_stem_of(task_id, space) for task_id in task_ids}
        for name in space.names():
            if name.endswith(_ENDING) and name.removesuffix(_ENDING).rpartition("-")[2] in stems:
                space.remove(name)
