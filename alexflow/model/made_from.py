"""What a task is made from, for the record: the bytes that its id is the digest of, and its other fields."""

from __future__ import annotations

from typing import Any, NamedTuple

from alexflow.errors import IdentityError
from alexflow.hooks import passes
from alexflow.identity import Canonical, ComputeNow, canonical, encoded, packb, preimage_of
from alexflow.model.class_info import ClassInfo, class_info
from alexflow.model.task import AbstractTask


class TaskOrigin(NamedTuple):
    """What a task is made from.

    Attributes:
        preimage: ``[spec, version, fields]`` in MessagePack; an id of spec "2" is its digest.
        further: the fields that are not significant, as a map of canonical values in MessagePack; None for none.
    """

    preimage: bytes
    further: bytes | None


def origin_of(task: AbstractTask) -> TaskOrigin:
    """Return what a task is made from, as its fields are now.

    A field that is not significant, and has no canonical form, is left out.

    Raises:
        IdentityError: a significant field has no identity any more.
    """
    info = class_info(type(task))
    get = info.identity_value
    fields: dict[str, Canonical] = {}
    for name in info.significant:
        value = get(task, name)
        if value is not None:
            fields[name] = value if type(value) is str else canonical(value, _COMPUTE_NOW)
    if info.id_rule is None:
        preimage = preimage_of(fields, task.version)
    else:
        preimage = packb((getattr(task, "_task_spec", None), task.version, fields))
    return TaskOrigin(preimage, _further(task, info) if info.insignificant else None)


_COMPUTE_NOW = ComputeNow()  # it keeps nothing


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
