"""Arguments of public functions: one that is wrong is refused where it comes in, with what is meant.

All are refused in the same words, ``NAME must be MEANT, not VALUE``. A ``repr()`` of users that raises does no harm.
"""

from __future__ import annotations

from typing import TypeGuard

from alexflow.errors import AlexflowError, DefinitionError
from alexflow.hooks import SHORT_TEXT, repr_of


def wrong_argument(name: str, value: object, meant: str, error: type[AlexflowError] = DefinitionError) -> AlexflowError:
    """Return the error that refuses a value.

    Args:
        name: the argument, as it is shown.
        value: what was given.
        meant: what is to be given.
        error: the class of the error.
    """
    return error(f"{name} must be {meant}, not {repr_of(value, SHORT_TEXT)}")


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
        raise wrong_argument(name, value, meant, error)


def check_bool(name: str, value: object) -> None:
    """Refuse what is neither True nor False.

    Raises:
        DefinitionError: it is something else.
    """
    if not isinstance(value, bool):
        raise wrong_argument(name, value, "True or False")


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a whole number or a float; True, False and nan are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def check_whole(name: str, value: object, least: int = 1, kind: str = "") -> None:
    """Refuse what is no whole number, or too small a one.

    Args:
        name: the argument, as it is shown.
        value: what was given.
        least: the smallest that is accepted.
        kind: what follows the number in the message, such as ", or None".

    Raises:
        DefinitionError: it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise wrong_argument(name, value, f"a whole number of at least {least}{kind}")


def check_positive(name: str, value: object, meant: str, error: type[AlexflowError] = DefinitionError) -> None:
    """Refuse what is no number above 0.

    Raises:
        DefinitionError: it is none.
    """
    if not is_number(value) or not value > 0:
        raise wrong_argument(name, value, meant, error)


def check_seconds(name: str, value: object) -> None:
    """Refuse what is neither None nor a number of seconds.

    Raises:
        DefinitionError: it is something else.
    """
    if value is not None and not (is_number(value) and value >= 0):
        raise wrong_argument(name, value, "a number of seconds")
