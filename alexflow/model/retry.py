"""``Retry``: the policy for further attempts at a task that has failed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from math import isfinite
from typing import Any, ClassVar

from alexflow.arguments import check_whole, is_number, wrong_argument
from alexflow.frozen import Frozen, allow_frozen_subclasses, frozen_dataclass, set_field
from alexflow.hooks import bases_of, class_name
from alexflow.identity import module_name

#: One exception class or several.
Exceptions = type[BaseException] | tuple[type[BaseException], ...]


@frozen_dataclass
class Retry(Frozen):
    """Policy for trying a task again after an error that its own code raised.

    ::

        class Fetch(Task):
            retry = Retry(3, delay=1.0, jitter=0.2, on=(OSError,), not_on=(FileNotFoundError,))

    Exception classes match as in ``except``, so a base class stands for its subclasses; but they are compared by
    qualified name, since the class of an exception that was raised in another process may not exist here.

    Attributes:
        count: further attempts after the first.
        delay: seconds before the second attempt, doubled for each further one.
        jitter: fraction between 0 and 1 by which each delay is randomly longer or shorter, so that tasks that failed
            together are not tried again together.
        on: exceptions after which the task is tried again; by default all.
        not_on: exceptions after which it is not, even if ``on`` covers them.

    Raises:
        DefinitionError: a value is invalid.
    """

    count: int
    delay: float = field(default=1.0, kw_only=True)
    jitter: float = field(default=0.0, kw_only=True)
    on: Exceptions = field(default=(BaseException,), kw_only=True)
    not_on: Exceptions = field(default=(), kw_only=True)

    # the names of those classes, of each instance; as fields they would cost each import more
    _on: ClassVar[frozenset[str]]
    _not_on: ClassVar[frozenset[str]]

    def __init__(
        self,
        count: int,
        *,
        delay: float = 1.0,
        jitter: float = 0.0,
        on: Exceptions = (BaseException,),
        not_on: Exceptions = (),
    ) -> None:
        set_field(self, "count", count)
        set_field(self, "delay", delay)
        set_field(self, "jitter", jitter)
        self._check_numbers()
        for name, given in (("on", on), ("not_on", not_on)):
            classes = _classes(name, given)
            set_field(self, name, classes)
            set_field(self, f"_{name}", frozenset(map(_name, classes)))

    def _check_numbers(self) -> None:
        check_whole("Retry.count", self.count, 0)
        if not is_number(self.delay) or not (isfinite(self.delay) and self.delay >= 0):
            raise wrong_argument("Retry.delay", self.delay, "a number of seconds of at least 0")
        if not is_number(self.jitter) or not 0 <= self.jitter <= 1:
            raise wrong_argument("Retry.jitter", self.jitter, "a number between 0 and 1")

    def covers(self, names: Iterable[str]) -> bool:
        """Whether to try again after an exception, given the names of its class and of that class's bases."""
        names = frozenset(names)
        return not self._on.isdisjoint(names) and self._not_on.isdisjoint(names)


allow_frozen_subclasses(Retry)


def names_of(cls: type) -> tuple[str, ...]:
    """Qualified names of a class and its bases, as :class:`Retry` compares them: the same in every process."""
    return tuple(_name(base) for base in bases_of(cls))


def _name(cls: type) -> str:
    module, dot, name = class_name(cls).partition(".")
    return f"{module_name(module)}{dot}{name}"  # `__main__` is called by its real name


def _classes(name: str, given: Any) -> tuple[type[BaseException], ...]:
    classes = (given,) if isinstance(given, type) else given
    if isinstance(classes, list | set | frozenset):
        classes = tuple(classes)
    if not isinstance(classes, tuple) or not all(
        isinstance(cls, type) and issubclass(cls, BaseException) for cls in classes
    ):
        raise wrong_argument(f"Retry.{name}", given, "exception classes, such as (OSError,)")
    return classes
