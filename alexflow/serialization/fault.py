"""A fault in a document or in what should become one, and the steps from there to the root.

Steps are added on the way out, so that the way without faults carries no path along.
"""

from __future__ import annotations

from alexflow.errors import DocumentError
from alexflow.hooks import class_name, is_a, text_of
from alexflow.identity import short_repr


class DocumentFault(Exception):
    """Raised where the fault is; never leaves this package."""

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message
        self._steps: list[str] = []

    def at(self, step: str) -> DocumentFault:
        """The same fault, seen from one level further out; ``step`` leads from there to here."""
        self._steps.append(step)
        return self

    def as_error(self, start: str = "") -> DocumentError:
        """The error for users; ``start`` is where the path begins."""
        path = (start + "".join(reversed(self._steps))).removeprefix(".")
        return DocumentError(f"{path}: {self.message}" if path else self.message)


def user_code_fault(message: str, error: BaseException) -> DocumentFault:
    """The fault that users' code is at: ``message``, and what the error says. An interrupt passes through."""
    if is_a(error, KeyboardInterrupt):
        raise error
    return DocumentFault(f"{message}{text_of(error)}")


def hook_fault(hook: str, error: BaseException) -> DocumentFault:
    """:func:`user_code_fault`, for a hook that is known by its name."""
    return user_code_fault(f"{hook} raised {class_name(type(error))}: ", error)


def key_step(key: str) -> str:
    """The step to a key of an object: ``.key``, or ``['a key']`` where a dot would mislead."""
    return f".{key}" if key.isidentifier() else f"[{short_repr(key)}]"
