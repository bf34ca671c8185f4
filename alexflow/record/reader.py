"""Reading journals.

Journals are for people and for programs that examine past runs. No decision of alexflow's depends on them: the storage
says whether a task has to run, never a journal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from alexflow.record.format import MAGIC, SUFFIX, Header, payloads_in

EventT = TypeVar("EventT")


class JournalEntry(NamedTuple, Generic[EventT]):
    """An event, and when it was written, which is a moment after it happened.

    Attributes:
        time: seconds since 1970.
        event: what happened.
    """

    time: float
    event: EventT


class Recorded(NamedTuple, Generic[EventT]):
    """The content of a journal.

    Attributes:
        header: the engine that it is of; None if the file ends before it.
        entries: what happened, in order.
        is_torn: whether unreadable bytes follow, as after a crash.
    """

    header: Header | None
    entries: list[JournalEntry[EventT]]
    is_torn: bool


def journals(directory: str | os.PathLike[str]) -> list[str]:
    """Return the paths of the journals in a directory, the oldest first; none if the directory does not exist."""
    directory = os.fspath(directory)
    try:
        return [f"{directory}/{name}" for name in sorted(os.listdir(directory)) if name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []


def read(path: str | os.PathLike[str], decoder: msgspec.msgpack.Decoder[EventT]) -> Recorded[EventT]:
    """Read a journal. A torn record is dropped, with everything behind it.

    Args:
        path: the file.
        decoder: decodes an event. Events that it rejects, such as those of later versions, are passed over.

    Raises:
        ValueError: the file is not a journal, or is one of another version.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        data = file.read()
    if not data.startswith(MAGIC):
        if MAGIC.startswith(data):  # torn in the first line
            return Recorded(None, [], is_torn=True)
        raise ValueError(f"{os.fspath(path)} is not a journal that this version of alexflow can read")
    payloads, is_torn = payloads_in(data)
    header = msgspec.msgpack.decode(payloads[0], type=Header) if payloads else None
    return Recorded(header, list(_entries(payloads[1:], decoder)), is_torn or header is None)


def _entries(
    payloads: Sequence[memoryview], decoder: msgspec.msgpack.Decoder[EventT]
) -> Iterator[JournalEntry[EventT]]:
    batches: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(tuple[float, list[msgspec.Raw]])
    for payload in payloads:
        written, batch = batches.decode(payload)
        for raw in batch:
            try:
                yield JournalEntry(written, decoder.decode(raw))
            except msgspec.ValidationError:  # of a later version
                continue
