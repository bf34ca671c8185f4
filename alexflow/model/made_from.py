"""The origin of a task, for the record: the bytes that its id is the digest of, and its other fields."""

from __future__ import annotations

from typing import Any

from alexflow.errors import IdentityError
from alexflow.hooks import passes
from alexflow.identity import Canonical, ComputeNow, canonical, encoded, packb, preimage_of
from alexflow.model.class_info import ClassInfo, class_info
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
    return origin_and_nesting(task)[:2]


def origin_and_nesting(task: AbstractTask) -> tuple[bytes, bytes | None, bool]:
    """Return the same, and whether there can be outputs or tasks among the significant fields: for each task."""
    info = task.__class_info__
    if info.cls is not type(task):
        info = class_info(type(task))
    get, nests = info.identity_value, False
    fields: dict[str, Canonical] = {}
    for name in info.significant:
        value = get(task, name)
        if value is not None:
            kind = type(value)  # as in the computation of ids: this saves most fields a call
            if (kind is int and _LEAST <= value <= _MOST) or kind is str or kind is bool:
                fields[name] = value
            else:
                fields[name] = canonical(value, _COMPUTE_NOW)
                nests = True
    if info.id_rule is None:
        preimage = preimage_of(fields, task.version)
    else:
        preimage = packb((getattr(task, "_task_spec", None), task.version, fields))
    for name in info.insignificant:
        if getattr(task, name, None) is not None:
            return preimage, _further(task, info), nests
    return preimage, None, nests


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
