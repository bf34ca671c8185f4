"""Arguments of public functions: one of a wrong type is refused where it comes in, with what is meant."""

from __future__ import annotations

from alexflow.errors import AlexflowError, DefinitionError
from alexflow.hooks import repr_of


def check_argument(
    name: str,
    value: object,
    kinds: type | tuple[type, ...],
    meant: str,
    error: type[AlexflowError] = DefinitionError,
) -> None:
    """Refuse a value of another type.

    Args:
        name: the argument, as it is shown.
        value: what was given.
        kinds: what is accepted; True and False are no numbers.
        meant: what is to be given.
        error: the class of the error.

    Raises:
        DefinitionError: it is of another type.
    """
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is int):
        raise error(f"{name} must be {meant}, not {repr_of(value)}")
