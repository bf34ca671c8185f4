"""The root of the tree of errors, which :mod:`alexflow.errors` draws."""

from __future__ import annotations


def _restore(cls: type[AlexflowError], args: tuple[object, ...], state: dict[str, object]) -> AlexflowError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class AlexflowError(Exception):
    """Base of every error that alexflow raises on purpose. All of them can be pickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (type(self), self.args, self.__dict__)
