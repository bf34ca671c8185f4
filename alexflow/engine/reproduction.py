"""``reproduce``: an output is computed again from the record alone, into a storage of its own, and compared."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal, Unpack

from alexflow.arguments import check_whole
from alexflow.engine.run import run
from alexflow.errors import AlexflowError, OutputNotFound, RunFailed
from alexflow.hooks import SHORT_TEXT, repr_of, text_of
from alexflow.model import AbstractTask, Output, keys_of
from alexflow.record import Entry, Record
from alexflow.record.loaded_values import compare_values, inputs_of, outputs_of, stored_digest
from alexflow.record.record import check_record
from alexflow.record.value_differences import Difference
from alexflow.storage import LocalStorage, OverlayStorage, Storage

if TYPE_CHECKING:
    from alexflow.engine.keywords import EngineOptions

#: ``bytes``: they are the same; ``value``: they are not, and the values are equal; ``differs``: these differ too, or
#: cannot be loaded; ``unknown``: there is neither a digest nor the output itself; ``failed``: it could not be computed.
HowEqual = Literal["bytes", "value", "differs", "unknown", "failed"]

#: From the best outcome to the worst; a task's is the worst of its outputs'.
_OUTCOMES: tuple[HowEqual, ...] = ("bytes", "value", "unknown", "differs", "failed")


@dataclass(frozen=True)
class ReproducedOutput:
    """One output that was computed again.

    Attributes:
        key: its key.
        how: how far it is equal.
        difference: where the values differ first.
    """

    key: str
    how: HowEqual
    difference: Difference | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        difference = None if self.difference is None else self.difference.to_json()
        return {"key": self.key, "how": self.how, "difference": difference}


@dataclass(frozen=True)
class Reproduction:
    """A task that was computed again.

    Attributes:
        key: the output that was asked for.
        equal: whether all outputs have equal bytes, or equal values.
        how: the worst outcome of an output.
        outputs: each output.
        failure: why it could not be computed; empty if it was.
    """

    key: str
    equal: bool
    how: HowEqual
    outputs: tuple[ReproducedOutput, ...] = ()
    failure: str = ""

    def __str__(self) -> str:
        texts = {
            "bytes": "equal bytes",
            "value": "equal values, other bytes",
            "differs": "differs",
            "unknown": "nothing to compare with",
            "failed": f"could not be computed: {self.failure}",
        }
        differences = [f"{each.key}, {each.difference}" for each in self.outputs if each.difference is not None]
        return "\n  ".join([f"{self.key}: {texts[self.how]}", *differences])

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "key": self.key,
            "equal": self.equal,
            "how": self.how,
            "outputs": [output.to_json() for output in self.outputs],
            "failure": self.failure,
        }


def reproduce(
    recorded: Record, key: str | Output[Any] | AbstractTask, *, deep: bool = False, **options: Unpack[EngineOptions]
) -> Reproduction:
    """Compute a task again from what the record says that it was made from, and compare what it stores.

    The storage itself is only read. The class is imported, as it is now: a difference may be one of the code.

    Args:
        recorded: the record of a storage.
        key: an output, a task, or how its key or id begins.
        deep: whether everything upstream is computed again, too; else inputs are read from the storage.
        options: keywords of :class:`~alexflow.Engine`.

    Raises:
        NotRecorded: the record does not have it, or a task behind it.
        AmbiguousKey: the beginning fits several.
        DocumentError: a class cannot be imported, or is not what it was.
        OutputNotFound: an input is not in the storage any more; ``deep=True`` computes it again.
        RunFailed: it failed.
    """
    check_record("recorded", recorded)
    entry = recorded.entry(key)
    task = entry.task()
    if not deep:
        _require_inputs(task, recorded.storage)
    with TemporaryDirectory(prefix="alexflow-reproduce-") as directory:
        scratch = LocalStorage(directory)
        storage = scratch if deep else OverlayStorage(recorded.storage, scratch)
        run(task, storage=storage, force=[task], progress=False, echo=False, **options)
        outputs = tuple(_compared(output, recorded.storage, scratch, entry) for output in outputs_of(task))
    how = _OUTCOMES[max((_OUTCOMES.index(output.how) for output in outputs), default=0)]
    return Reproduction(entry.key or entry.task_id, how in ("bytes", "value"), how, outputs)


def reproduce_sample(
    recorded: Record, count: int, *, seed: int = 0, deep: bool = False, **options: Unpack[EngineOptions]
) -> Iterator[Reproduction]:
    """Reproduce some tasks of a storage, drawn by chance. What cannot be computed says so, and the others go on.

    Args:
        recorded: the record of a storage.
        count: how many.
        seed: another one draws others.
        deep: as for :func:`reproduce`.
        options: keywords of :class:`~alexflow.Engine`.
    """
    check_record("recorded", recorded)
    check_whole("count", count, 0)
    keys = sorted(entry.key for entry in recorded.entries() if entry.key and entry.finished is not None)
    for key in random.Random(seed).sample(keys, min(count, len(keys))):
        try:
            yield reproduce(recorded, key, deep=deep, **options)
        except AlexflowError as error:
            cause = error.exceptions[0] if isinstance(error, RunFailed) else error
            yield Reproduction(key, False, "failed", failure=text_of(cause, SHORT_TEXT).partition("\n")[0])


def _require_inputs(task: AbstractTask, storage: Storage) -> None:
    keys = [key for output in inputs_of(task) for key in keys_of(output)]
    gone = sorted(set(keys) - storage.exists_many(keys))
    if gone:
        raise OutputNotFound(gone[0], f"{repr_of(storage)}, and it is an input: deep=True computes it again")


def _compared(output: Output[Any], storage: Storage, scratch: Storage, entry: Entry) -> ReproducedOutput:
    recorded = {stored.key: stored.digest for stored in entry.outputs}
    keys = keys_of(output)
    present = storage.exists_many(keys)
    before = {key: recorded.get(key) or stored_digest(storage, key) for key in keys}
    if None in before.values():
        return ReproducedOutput(output.key, "unknown")
    if before == {key: stored_digest(scratch, key) for key in keys}:
        return ReproducedOutput(output.key, "bytes")
    if len(present) < len(keys):
        return ReproducedOutput(output.key, "differs")
    values = compare_values(output, storage, output, scratch)
    is_equal = values.loaded and values.difference is None
    return ReproducedOutput(output.key, "value" if is_equal else "differs", values.difference)
