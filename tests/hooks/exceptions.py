"""Exceptions of every kind that a hook can raise, also those that cannot be shown, asked or pickled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from alexflow import TaskStopped
from alexflow.errors import OutputNotFound, TaskFailed


class Base(BaseException):
    """Neither an Exception nor one of Python's own."""


class Mute(Exception):
    """One that cannot be shown."""

    def __str__(self) -> str:
        raise SystemExit("its str")

    __repr__ = __str__


class Unlike(Exception):
    """One whose attributes raise, and that claims to be of another class."""

    @property
    def __class__(self) -> Any:
        raise Base("its class")

    @property
    def __notes__(self) -> Any:
        raise Base("its notes")

    def __setattr__(self, name: str, value: object) -> None:
        raise Base("its attributes")


class Half(TaskFailed):
    """One of alexflow's, without what those have."""

    def __init__(self) -> None:
        Exception.__init__(self, "half")


class Odd(OutputNotFound):
    """The same, where an input would be made again."""

    @property
    def key(self) -> str:  # type: ignore[override]
        raise Base("its key")

    def __init__(self) -> None:
        Exception.__init__(self, "odd")


def sealed(name: str, base: type[BaseException], raised: type[BaseException]) -> type[BaseException]:
    """An exception class with properties that raise, in place of what Python keeps in every exception."""

    def refuse(self: object) -> Any:
        raise raised("an attribute")

    names = ("__cause__", "__context__", "__traceback__", "__notes__", "args")
    return type(name, (base,), {"__module__": __name__} | {attribute: property(refuse) for attribute in names})


Sealed = sealed("Sealed", Exception, RuntimeError)


SealedExit = sealed("SealedExit", Exception, SystemExit)


SealedInterrupt = sealed("SealedInterrupt", KeyboardInterrupt, KeyboardInterrupt)


class Nameless(type):
    """The class of classes that do not say what they are called."""

    def __getattribute__(cls, name: str) -> Any:
        if name in ("__module__", "__qualname__", "__name__", "__mro__"):
            raise SystemExit("its name")
        return super().__getattribute__(name)

    def __eq__(cls, other: object) -> bool:
        raise Base("its class's __eq__")

    __hash__ = type.__hash__


class Anonymous(Exception, metaclass=Nameless):
    """One whose class does not tell its name."""


def after_sealed() -> Exception:
    """A plain one that was raised while another was handled."""
    error = ValueError("after")
    error.__context__ = SealedExit()
    return error


def unpicklable() -> Exception:
    error = ValueError("locked")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    return error


def recursion() -> BaseException:
    def deeper() -> None:
        deeper()

    try:
        deeper()
    except RecursionError as error:
        return error
    raise AssertionError


KINDS: dict[str, Callable[[], BaseException]] = {
    "Exception": lambda: Exception("plain"),
    "ValueError": lambda: ValueError("two\nlines \x00 and \udce9, %s {}"),
    "FileNotFoundError": lambda: FileNotFoundError(2, "No such file", "caf\udce9.csv"),
    "StopIteration": lambda: StopIteration("stop"),
    "StopAsyncIteration": lambda: StopAsyncIteration("stop"),
    "GeneratorExit": lambda: GeneratorExit("exit"),
    "KeyboardInterrupt": lambda: KeyboardInterrupt("interrupt"),
    "SystemExit": lambda: SystemExit(3),
    "CancelledError": lambda: asyncio.CancelledError("cancel"),
    "TimeoutError": lambda: TimeoutError("time"),
    "TaskStopped": lambda: TaskStopped("stop"),
    "Base": lambda: Base("base"),
    "Mute": Mute,
    "Unlike": Unlike,
    "ExceptionGroup": lambda: ExceptionGroup("several", [ValueError("one"), KeyError("two")]),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("several", [KeyboardInterrupt("one"), Base("two")]),
    "RecursionError": recursion,
    "MemoryError": lambda: MemoryError("memory"),
    "locked": unpicklable,
    "Half": Half,
    "Odd": Odd,
    "Sealed": Sealed,
    "SealedExit": SealedExit,
    "SealedInterrupt": SealedInterrupt,
    "Anonymous": Anonymous,
    "after Sealed": after_sealed,
}
