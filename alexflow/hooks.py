"""The boundary to users' code.

A user's object may do anything in any hook: raise any exception, give something that is not a text, or a text without
end. Everything that crosses this boundary is plain: an exact ``str`` of bounded size that every encoder takes, or an
exception of alexflow.

A call of a user's attribute is marked by a ``try`` around it whose handler is ``except BaseException as error`` and
calls :func:`hook_failed` (the request fails) or :func:`note_hook` (the attempt fails, with the original exception).
A ``try`` costs nothing if nothing is raised, while a call of a guarding function would. If one ``try`` holds the calls
of several hooks, a local variable names the current one. ``tests/hooks/hook_places.py`` lists all hooks, and the
functions that call them inside the ``try`` of a caller.

Two exceptions are not the user's: the cancellation of the asyncio task around the call, and Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NoReturn, cast

from alexflow.errors import AlexflowError, DefinitionError, HookError, StorageError

_PACKAGE = "alexflow."

#: Longer texts of users' objects (messages, representations, tracebacks) are cut, and both ends are kept.
MAX_TEXT = 64 * 1024  # characters

#: The limit for a text that is a part of a message.
SHORT_TEXT = 2_000  # characters


def class_name(cls: type) -> str:
    """``module.qualname``, without the module for built-in classes."""
    module, name = module_of(cls), qualname_of(cls)
    return plain_text(name if module in ("", "builtins") else f"{module}.{name}", SHORT_TEXT)


def a_thing(name: str) -> str:
    """A name behind its article, for messages: ``an int``, ``a numpy.ndarray``."""
    return f"{'an' if name[:1] in {*'aeioAEIO'} else 'a'} {name}"


def an_instance(value: object) -> str:
    """The class of a value behind its article, for messages."""
    return a_thing(class_name(type(value)))


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean …?`` where a known name is close, else nothing."""
    from difflib import get_close_matches  # deferred: only for this message

    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def module_of(cls: type) -> str:
    """``cls.__module__``, without asking the metaclass; empty if it is no text."""
    try:
        module = type.__dict__["__module__"].__get__(cls)
    except AttributeError:  # it has been deleted
        return ""
    return str.__str__(module) if issubclass(type(module), str) else ""


def qualname_of(cls: type) -> str:
    """``cls.__qualname__``, without asking the metaclass."""
    return cast(str, type.__dict__["__qualname__"].__get__(cls))


def bases_of(cls: type) -> tuple[type, ...]:
    """``cls.__mro__``, without asking the metaclass."""
    return cast(tuple[type, ...], type.__dict__["__mro__"].__get__(cls))


def own_attribute(error: BaseException, name: str) -> Any:
    """An attribute that Python itself keeps in an exception, even if the user's class has a property of that name.

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
    text = shortened(text, limit)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return text


def shortened(text: str, limit: int, left_out: str = "characters left out") -> str:
    """A text without the middle of what is longer than ``limit`` characters, the number of which stands in its place.

    Args:
        text: the text.
        limit: characters that are kept.
        left_out: what is said behind that number.
    """
    kept = limit // 2
    return text if len(text) <= limit else f"{text[:kept]} … {len(text) - 2 * kept:,} {left_out} … {text[-kept:]}"


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
    """Raise the error that :func:`hook_error` makes."""
    failed = hook_error(owner, hook, error)
    raise failed from failed.__cause__


def hook_error(owner: object, hook: str, error: BaseException) -> AlexflowError:
    """The error with which a request fails because a user's hook raised.

    Errors of alexflow itself that describe what is wrong are kept.

    Args:
        owner: the user's object, or its class.
        hook: the hook that was called, as a user would write it: ``"input()"``, ``"tags"``.
        error: the exception. A cancellation counts as the user's own; of awaited code ask :func:`passes` first.

    Returns:
        A :class:`HookError` that names the class, the hook and the exception, which is the ``__cause__``.

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
    """The exception as the ``__cause__`` of one of alexflow's; None if it would prevent that from being shown.

    Python's ``traceback`` reads attributes of exceptions, which a user's class may have redefined.
    """
    if error is None or _is_plain(error):
        return error
    import traceback  # deferred: seldom needed, and a third of the time that this package takes to import

    try:
        for _ in traceback.TracebackException.from_exception(error, compact=True).format():
            pass
    except BaseException:
        return None
    return error


def _is_plain(error: BaseException) -> bool:
    """Whether an exception and everything that is shown with it are of built-in classes."""
    return (
        module_of(type(error)) == "builtins"
        and not is_a(error, BaseExceptionGroup)
        and own_attribute(error, "__cause__") is None
        and own_attribute(error, "__context__") is None
    )


def note_hook(owner: object, hook: str, error: BaseException) -> None:
    """Add the name of the user's hook that raised an exception as a note, which is shown below its message."""
    note = f"raised in {class_name(type(owner))}.{hook}"
    try:
        if note not in getattr(error, "__notes__", ()):
            BaseException.add_note(error, note)
    except BaseException:  # an exception whose attributes raise gets no note
        return


def passes(error: BaseException) -> bool:
    """Whether an exception from awaited code may not be the user's: a requested cancellation, or Ctrl-C."""
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
    """Whether it is alexflow's own error about a definition or a storage."""
    return is_a(error, (DefinitionError, StorageError)) and module_of(type(error)).startswith(_PACKAGE)


def is_a(error: BaseException, kind: type[BaseException] | tuple[type[BaseException], ...]) -> bool:
    """``isinstance``, without reading the ``__class__`` of a user's exception."""
    return issubclass(type(error), kind)


def is_ctrl_c(error: BaseException) -> bool:
    """Whether a signal handler may have raised it: Python's own, which has no frame, or one in the traceback."""
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
    """Whether a ``raise`` statement raised it; Ctrl-C occurs between two statements, or in a call."""
    from opcode import opmap

    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == opmap["RAISE_VARARGS"]


def original(error: BaseException) -> BaseException:
    """The StopIteration that Python replaced on its way through a coroutine or generator; else the exception itself."""
    if type(error) is not RuntimeError:  # first, since a user's class may have a __cause__ of its own
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
        DefinitionError: it is not a string.
    """
    if type(value) is str:
        return value
    if isinstance(value, str):
        return str.__str__(value)  # a subclass may define how it is hashed and compared
    cls = class_name(type(owner))
    raise DefinitionError(f"{cls}.{hook} must be a string, not {an_instance(value)}: {repr_of(value, 200)}")
