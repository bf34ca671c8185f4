"""Values of outputs, loaded through their formats to be compared. Users' formats are called for that."""

from __future__ import annotations

from typing import Any, NamedTuple

from alexflow.errors import OutputNotFound
from alexflow.hooks import hook_failed, passes
from alexflow.identity.blake2 import blake2b
from alexflow.logs import logger
from alexflow.model import AbstractTask, Output, flatten
from alexflow.record.value_differences import Difference, first_difference
from alexflow.storage import Storage

_CHUNK = 1 << 20  # bytes


class LoadedValues(NamedTuple):
    """The values of two outputs, compared.

    Attributes:
        loaded: whether both could be loaded.
        difference: the first difference; None if they are equal, or were not loaded.
    """

    loaded: bool
    difference: Difference | None


def compare_values(before: Output[Any], from_storage: Storage, after: Output[Any], to_storage: Storage) -> LoadedValues:
    """Load two outputs, each from its storage, and compare their values."""
    try:
        values = before.assign_storage(from_storage).load(), after.assign_storage(to_storage).load()
        return LoadedValues(True, first_difference(*values))
    except BaseException as error:  # of the format: gone, not to be decoded, or a format of files only
        if passes(error):
            raise
        logger.debug("the values of %s cannot be compared", after.key, exc_info=True)
        return LoadedValues(False, None)


def outputs_of(task: AbstractTask) -> list[Output[Any]]:
    """Return the outputs of a task.

    Raises:
        HookError: its ``output()`` raised.
    """
    try:
        return flatten(task.output())
    except BaseException as error:
        hook_failed(task, "output()", error)


def inputs_of(task: AbstractTask) -> list[Output[Any]]:
    """Return the inputs of a task.

    Raises:
        HookError: its ``input()`` raised.
    """
    try:
        return flatten(task.input())
    except BaseException as error:
        hook_failed(task, "input()", error)


def stored_digest(storage: Storage, key: str) -> str | None:
    """Return the digest of what is stored, which is read for it, as the record has it; None if nothing is."""
    hashed = blake2b(digest_size=16)
    try:
        with storage.reader(key) as file:
            while part := file.read(_CHUNK):
                hashed.update(part)
    except OutputNotFound:
        return None
    return hashed.hexdigest()
