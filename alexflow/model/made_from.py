"""The origin of a task, for the record: the bytes that its id is the digest of, and its other fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from alexflow.errors import IdentityError
from alexflow.hooks import passes
from alexflow.identity import ID_SPEC, Canonical, ComputeNow, canonical, encoded, packb
from alexflow.model.class_info import ClassInfo, class_info
from alexflow.model.output import Output
from alexflow.model.task import AbstractTask

#: ``[spec, version, fields]`` in MessagePack, of which an id of spec "2" is the digest; and the fields that are not
#: significant, as a map of canonical values in MessagePack, or None for none.
TaskOrigin = tuple[bytes, bytes | None]

#: Id spec, version and fields.
PreimageParts = tuple[str | None, str | int | None, dict[str, Canonical]]


#: Keeps outputs: the field's name, the outputs, and what holds them: 0 for the field itself, 1 for a list there, 2 for
#: a tuple. Returns what stands for them there; None if they are not kept.
KeepOutputs = Callable[[str, Sequence[Any], int], Any]


def origin_of(task: AbstractTask) -> TaskOrigin:
    """Return what a task is made from, as its fields are now.

    A field that is not significant, and has no canonical form, is left out.

    Raises:
        IdentityError: a significant field has no identity any more.
    """
    info = class_info(type(task))
    return packb(preimage_parts(task, info, kept_nowhere)[0]), further_of(task, info)


def preimage_parts(task: AbstractTask, info: ClassInfo, keep: KeepOutputs) -> tuple[PreimageParts, int, bool]:
    """Return what the preimage is the bytes of: for each task.

    Args:
        task: the task.
        info: of its class.
        keep: gets outputs that are the value of a field, or a list or tuple there, of which the first is an output.

    Returns:
        The parts, with what ``keep`` gave in place of outputs; the number of these outputs; and whether there are
        values that others may be in, tasks and more outputs.
    """
    outputs, nests = 0, False
    fields: dict[str, Canonical] = {}
    for name, value in zip(info.significant, info.significant_values(task), strict=True):
        if value is not None:
            kind = type(value)  # as in the computation of ids: this saves most fields a call
            if (
                (kind is int and (-_SMALL < value < _SMALL or _LEAST <= value <= _MOST))
                or kind is str
                or kind is bool
                or (kind is float and value == value)
            ):
                fields[name] = value
                continue
            if kind is tuple or kind is list:
                values, place = value, 1 if kind is list else 2
            else:
                values, place = (value,), 0
            stand_in = keep(name, values, place) if values and isinstance(values[0], Output) else None
            if stand_in is None:
                fields[name] = canonical(value, _COMPUTE_NOW)
                nests = nests or bool(values)
            else:
                fields[name] = stand_in
                outputs += len(values)
    spec = ID_SPEC if info.id_rule is None else getattr(task, "_task_spec", None)
    return (spec, task.version, fields), outputs, nests


def kept_nowhere(name: str, outputs: Sequence[Any], place: int) -> None:
    """Keep no outputs."""
    return


_COMPUTE_NOW = ComputeNow()  # it keeps nothing
_LEAST, _MOST = -(2**63), 2**64 - 1  # integers that MessagePack has
_SMALL = 2**30  # integers below are compared in a fraction of the time


def further_of(task: AbstractTask, info: ClassInfo) -> bytes | None:
    """Return the fields that are not significant, as a map in MessagePack; None for none."""
    found: dict[str, Canonical] = {}
    for name, encode in info.insignificant.items():
        value = getattr(task, name, None)
        if value is not None:
            try:
                found[name] = _canonical_or_refused(encoded(value, encode))
            except (IdentityError, UnicodeEncodeError, RecursionError):
                continue
    return packb(found) if found else None


def _canonical_or_refused(value: Any) -> Canonical:
    try:
        form = canonical(value, _COMPUTE_NOW)
        packb(form)
    except BaseException as error:  # of the user's: whatever has no form is left out
        if passes(error):
            raise
        raise IdentityError(str(type(error))) from None
    return form
