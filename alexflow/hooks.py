"""The boundary to users' code.

A user's object may do anything in any hook: raise whatever there is, give what is no text, or a text without end. What
crosses this boundary is plain: an exact ``str`` that every encoder takes, of bounded size, or an exception of ours.

How code marks a call of a user's attribute: it stands in a ``try`` whose handler is ``except BaseException as error``
and calls :func:`hook_failed` (the request fails) or :func:`note_hook` (the attempt fails, with the original exception).
A ``try`` costs nothing where nothing is raised, a call of a guarding function would. Where one ``try`` holds the calls
of several hooks, a local variable says which one is under way. ``tests/hooks/hook_places.py`` lists all hooks, and the
functions that call them inside the ``try`` of a caller.

Two exceptions are not the user's: the cancellation of the asyncio task around the call, and Ctrl-C.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, NoReturn, cast

from alexflow.errors import AlexflowError, DefinitionError, HookError, StorageError

_PACKAGE = "alexflow."

#: Longer texts of users' objects (messages, representations, tracebacks) are cut, and both ends are kept.
MAX_TEXT = 64 * 1024  # characters

#: As much of a text stands in a message beside others.
SHORT_TEXT = 2_000  # characters


def class_name(cls: type) -> str:
    """``module.qualname``, without the module for what is built in."""
    module, name = module_of(cls), type.__dict__["__qualname__"].__get__(cls)
    return plain_text(name if module in ("", "builtins") else f"{module}.{name}", SHORT_TEXT)


def module_of(cls: type) -> str:
    """``cls.__module__``, without asking the metaclass; empty if it is no text."""
    try:
        module = type.__dict__["__module__"].__get__(cls)
    except AttributeError:  # it has been deleted
        return ""
    return str.__str__(module) if issubclass(type(module), str) else ""


def bases_of(cls: type) -> tuple[type, ...]:
    """``cls.__mro__``, without asking the metaclass."""
    return cast(tuple[type, ...], type.__dict__["__mro__"].__get__(cls))


def own_attribute(error: BaseException, name: str) -> Any:
    """What Python itself keeps in an exception, past a property of the user's class that has the same name.

    Args:
        error: any exception.
        name: ``"__cause__"``, ``"__context__"`` or ``"__traceback__"``.
    """
    return BaseException.__dict__[name].__get__(error)


def plain_text(text: str, limit: int = MAX_TEXT) -> str:
    """A text as an exact ``str`` of at most about ``limit`` characters, lone surrogates as backslash escapes.

    Escaping can lengthen a text, but not by more than six times, and only where it is made of surrogates.
    """
    if type(text) is not str:
        text = str.__str__(text)  # of a subclass, whose own __str__ may do anything
    if len(text) > limit:
        kept = limit // 2
        text = f"{text[:kept]} … {len(text) - 2 * kept:,} characters left out … {text[-kept:]}"
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return text


def text_of(error: BaseException, limit: int = MAX_TEXT) -> str:
    """``str(error)`` as :func:`plain_text`, or why there is none."""
    try:
        return plain_text(str(error), limit)
    except BaseException as second:  # a __str__ of the user's that raises
        return f"<its str() raised {class_name(type(second))}>"


def repr_of(value: object, limit: int = MAX_TEXT) -> str:
    """``repr(value)`` as :func:`plain_text`, or why there is none."""
    try:
        return plain_text(repr(value), limit)
    except BaseException as second:  # a __repr__ of the user's that raises
        return f"<{class_name(type(value))}: its repr() raised {class_name(type(second))}>"


def hook_failed(owner: object, hook: str, error: BaseException) -> NoReturn:
    """Raise what :func:`hook_error` gives."""
    failed = hook_error(owner, hook, error)
    raise failed from failed.__cause__


def hook_error(owner: object, hook: str, error: BaseException) -> AlexflowError:
    """What stands for an exception out of a user's hook, for the request that it belongs to.

    Errors of alexflow's own that say by themselves what is wrong stay.

    Args:
        owner: the user's object, or its class.
        hook: which of its hooks was called, as a user would write it: ``"input()"``, ``"tags"``.
        error: what it raised. A cancellation is the user's own; if the call was awaited, see :func:`passes` first.

    Returns:
        A :class:`HookError` that names the class, the hook and what it raised, which is the ``__cause__``.

    Raises:
        KeyboardInterrupt: ``error``, if it may be Ctrl-C.
    """
    if is_ours(error):
        return cast(AlexflowError, error)
    if is_ctrl_c(error):
        raise error
    kind, message = class_name(type(error)), text_of(error, SHORT_TEXT)
    cls = cast(type, owner) if issubclass(type(owner), type) else type(owner)
    failed = HookError(class_name(cls), hook, f"{kind}: {message}" if message else kind)
    failed.__cause__ = as_cause(error)
    return failed


def as_cause(error: BaseException | None) -> BaseException | None:
    """The exception, to stand behind one of ours; None if it would keep that from being shown.

    Python's ``traceback`` asks exceptions for attributes that a class of the user's may have made into something else.
    """
    if error is None or _is_plain(error):
        return error
    import traceback  # deferred: few ask for it, and it is a third of what this package takes to import

    try:
        for _ in traceback.TracebackException.from_exception(error, compact=True).format():
            pass
    except BaseException:
        return None
    return error


def _is_plain(error: BaseException) -> bool:
    """Whether neither an exception nor anything that is shown with it is of a class of the user's."""
    return (
        module_of(type(error)) == "builtins"
        and not is_a(error, BaseExceptionGroup)
        and own_attribute(error, "__cause__") is None
        and own_attribute(error, "__context__") is None
    )


def note_hook(owner: object, hook: str, error: BaseException) -> None:
    """Add to an exception out of which hook of the user's it came; it is shown below its message."""
    note = f"raised in {class_name(type(owner))}.{hook}"
    try:
        if note not in getattr(error, "__notes__", ()):
            BaseException.add_note(error, note)
    except BaseException:  # an exception whose attributes raise; it has to do without
        return


def passes(error: BaseException) -> bool:
    """Whether an exception out of awaited code may not be the user's: a cancellation that was asked for, or Ctrl-C."""
    if is_ctrl_c(error):
        return True
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not is_a(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        return False
    return task is not None and task.cancelling() > 0


def is_ours(error: BaseException) -> bool:
    """Whether it is an error of alexflow's own that says what is wrong with a definition or a storage."""
    return is_a(error, (DefinitionError, StorageError)) and module_of(type(error)).startswith(_PACKAGE)


def is_a(error: BaseException, kind: type[BaseException] | tuple[type[BaseException], ...]) -> bool:
    """``isinstance``, without asking an exception of the user's for its ``__class__``."""
    return issubclass(type(error), kind)


def is_ctrl_c(error: BaseException) -> bool:
    """Whether a signal handler may have raised it: Python's own, which leaves no frame, or one that is on the trace."""
    if not is_a(error, KeyboardInterrupt):
        return False
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        return False
    trace: TracebackType | None = own_attribute(error, "__traceback__")
    if trace is None:
        return True
    handler = signal.getsignal(signal.SIGINT)
    code = getattr(getattr(handler, "func", handler), "__code__", None)  # asyncio's is a partial
    while trace.tb_next is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    if handler is signal.default_int_handler:
        return not _stands_at_raise(trace)
    return trace.tb_frame.f_code is code


def _stands_at_raise(trace: TracebackType) -> bool:
    """Whether it was a ``raise`` statement that raised; Ctrl-C comes between two statements, or out of a call."""
    from opcode import opmap

    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == opmap["RAISE_VARARGS"]


def original(error: BaseException) -> BaseException:
    """The StopIteration that Python replaced on its way through a coroutine or generator; else the exception itself."""
    if type(error) is not RuntimeError:  # first of all: a class of the user's may have a __cause__ of its own
        return error
    cause = error.__cause__
    if cause is not None and is_a(cause, (StopIteration, StopAsyncIteration)):
        text = error.args[0] if error.args else None
        if type(text) is str and text.endswith(("raised StopIteration", "raised StopAsyncIteration")):
            return cause
    return error


def exact_name(owner: object, hook: str, value: object) -> str:
    """An id or a key that a user's object gives, as an exact ``str``.

    Raises:
        DefinitionError: it is no string.
    """
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)  # what a subclass does when it is hashed or compared is its own affair
    cls = class_name(type(owner))
    raise DefinitionError(f"{cls}.{hook} must be a string, not a {class_name(type(value))}: {repr_of(value, 200)}")
