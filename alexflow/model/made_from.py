"""The origin of a task, for the record: the bytes that its id is the digest of, and its other fields."""

from __future__ import annotations

from typing import Any

from alexflow.errors import IdentityError
from alexflow.hooks import passes
from alexflow.identity import ID_SPEC, Canonical, ComputeNow, canonical, encoded, packb
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
    info = class_info(type(task))
    named = zip(info.significant, info.significant_values(task), strict=True)
    fields = {name: canonical(value, COMPUTE_NOW) for name, value in named if value is not None}
    spec = ID_SPEC if info.id_rule is None else getattr(task, "_task_spec", None)
    return packb((spec, task.version, fields)), further_of(task, info)


#: For canonical forms of which nothing has to be computed later. It keeps nothing.
COMPUTE_NOW = ComputeNow()


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
        form = canonical(value, COMPUTE_NOW)
        packb(form)
    except BaseException as error:  # of the user's: whatever has no form is left out
        if passes(error):
            raise
        raise IdentityError(str(type(error))) from None
    return form
