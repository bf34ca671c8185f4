"""The origin of a task, for the record: the bytes that its id is the digest of, and its other fields."""

from __future__ import annotations

from typing import Any

from alexflow.errors import IdentityError
from alexflow.hooks import passes
from alexflow.identity import Canonical, ComputeNow, canonical, encoded, packb, preimage_of
from alexflow.model.class_info import ClassInfo, class_info
from alexflow.model.output import Output
from alexflow.model.task import AbstractTask

#: ``[spec, version, fields]`` in MessagePack, of which an id of spec "2" is the digest; and the fields that are not
#: significant, as a map of canonical values in MessagePack, or None for none.
TaskOrigin = tuple[bytes, bytes | None]


def origin_of(task: AbstractTask) -> TaskOrigin:
    """Return what a task is made from, as its fields are now.

    A field that is not significant, and has no canonical form, is left out.

    Raises:
        IdentityError: a significant field has no identity any more.
    """
    return origin_and_outputs(task)[:2]


def origin_and_outputs(task: AbstractTask) -> tuple[bytes, bytes | None, int | None]:
    """Return the same, and the number of outputs among the significant fields: for each task.

    It is None where there are values that other values are in, and so may be tasks and more outputs.
    """
    info = task.__class_info__
    if info.cls is not type(task):
        info = class_info(type(task))
    get, outputs, nests = info.identity_value, 0, False
    fields: dict[str, Canonical] = {}
    for name in info.significant:
        value = get(task, name)
        if value is not None:
            kind = type(value)  # as in the computation of ids: this saves most fields a call
            if (
                (kind is int and _LEAST <= value <= _MOST)
                or kind is str
                or kind is bool
                or (kind is float and value == value)
            ):
                fields[name] = value
            elif kind is list and (forms := _forms_of_outputs(value)):
                fields[name] = "list", forms
                outputs += len(forms)
            elif isinstance(value, Output) and value.__canonical_form__ is not None:
                fields[name] = value.__canonical_form__
                outputs += 1
            else:
                fields[name] = canonical(value, _COMPUTE_NOW)
                nests = True
    if info.id_rule is None:
        preimage = preimage_of(fields, task.version)
    else:
        preimage = packb((getattr(task, "_task_spec", None), task.version, fields))
    for name in info.insignificant:
        if getattr(task, name, None) is not None:
            return preimage, _further(task, info), None if nests else outputs
    return preimage, None, None if nests else outputs


def _forms_of_outputs(values: list[Any]) -> list[Canonical] | None:
    """Return the canonical forms of outputs of one class; None if there is anything else, or one is not known yet."""
    if not values or not isinstance(values[0], Output) or len({*map(type, values)}) > 1:
        return None
    forms: list[Canonical] = [output.__canonical_form__ for output in values]
    return None if None in forms else forms


_COMPUTE_NOW = ComputeNow()  # it keeps nothing
_LEAST, _MOST = -(2**63), 2**64 - 1  # integers that MessagePack has


def _further(task: AbstractTask, info: ClassInfo) -> bytes | None:
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
