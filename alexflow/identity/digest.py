"""Id spec "2": from a task's significant fields to its digest."""

from __future__ import annotations

from collections.abc import Mapping

from alexflow.identity.blake2 import blake2b
from alexflow.identity.canonical import Canonical, encoder

ID_SPEC = "2"

DIGEST_SIZE = 20  # bytes: BLAKE2b-160, written as 40 hexadecimal digits


def task_digest(fields: Mapping[str, Canonical], version: str | int | None) -> str:
    """BLAKE2b-160 over ``[spec, version, fields]`` in MessagePack.

    Args:
        fields: canonical values by field name, in the order of their names, None left out.
        version: the class's ``version``.
    """
    hashed = _EMPTY.copy()  # not by the function below: this is called for each task
    hashed.update(encoder()((ID_SPEC, version, fields)))
    return hashed.hexdigest()


def digest_of_preimage(preimage: bytes) -> str:
    """The digest in the id that was made from these bytes."""
    hashed = _EMPTY.copy()
    hashed.update(preimage)
    return hashed.hexdigest()


_EMPTY = blake2b(digest_size=DIGEST_SIZE)  # copying it takes a third of the time of making a new one
