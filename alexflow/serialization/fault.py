"""A fault in a document, or in a value that is to become one, with the path to it.

The steps of the path are added while the exception goes up, so that the normal case carries no path along.
"""

from __future__ import annotations

from alexflow.errors import DocumentError
from alexflow.hooks import class_name, is_a, text_of
from alexflow.identity import path_text, short_repr


class DocumentFault(Exception):
    """Raised at the fault; users get the :class:`~alexflow.errors.DocumentError` that it becomes."""

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message
        self._steps: list[str] = []

    def at(self, step: str) -> DocumentFault:
        """The same fault from one level further out; ``step`` leads from there to here."""
        self._steps.append(step)
        return self

    def as_error(self, start: str = "") -> DocumentError:
        """The error for users; ``start`` is where the path begins."""
        path = (start + path_text(self._steps[::-1])).removeprefix(".")
        return DocumentError(f"{path}: {self.message}" if path else self.message)


def user_code_fault(message: str, error: BaseException) -> DocumentFault:
    """The fault for an exception of a user's code: ``message``, and the text of the error. Raises an interrupt."""
    if is_a(error, KeyboardInterrupt):
        raise error
    return DocumentFault(f"{message}{text_of(error)}")


def hook_fault(hook: str, error: BaseException) -> DocumentFault:
    """:func:`user_code_fault`, for a hook that is known by its name."""
    return user_code_fault(f"{hook} raised {class_name(type(error))}: ", error)


def key_step(key: str) -> str:
    """The step to a key of an object: ``.key``, or ``['a key']`` if it is no identifier."""
    return f".{key}" if key.isidentifier() else f"[{short_repr(key)}]"
