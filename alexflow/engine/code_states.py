"""``CodeStates``: the code of the classes that an engine runs, and what it runs in, found in a thread meanwhile.

It is no part of what has to be safe before an output is visible: it comes into the record a moment later, or when
the engine is closed. A thread begins with it while the first worker processes start, for which the engine waits; where
tasks need none, once the first of them have had time to start, so that a short run is over first.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING

from alexflow.hooks import class_name, text_of
from alexflow.logs import logger
from alexflow.record.code_lists import CodeLists
from alexflow.record.lines import CodeLine, EnvironmentLine
from alexflow.storage.reserved import ReservedSpace

if TYPE_CHECKING:
    from alexflow.fingerprint import Fingerprint

#: Time that the first tasks have for themselves.
SECONDS_BEFORE = 0.05

#: Time that an engine waits for it when it is closed. What is not known by then is not recorded.
MAX_SECONDS = 10.0


class CodeStates:
    """The states of the code of classes. Its methods are called by the engine's thread, but for :meth:`_find`.

    Args:
        space: the record of the storage.
    """

    def __init__(self, space: ReservedSpace):
        self._space = space
        self._lists = CodeLists(space)
        self._shapes: defaultdict[type, list[int]] = defaultdict(list)  # of which there is no line yet
        self._known: dict[type, Fingerprint | None] = {}  # None for one that cannot be found
        self._asked: set[type] = set()
        self._environments: list[EnvironmentLine] = []  # that of a segment, once it is known
        self._asked_for = self._answered = 0
        self._questions: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._may_begin = threading.Event()
        self._thread: threading.Thread | None = None

    def begin_segment(self) -> None:
        """Forget the numbers of shapes: another segment has others."""
        self._shapes.clear()

    def look_around(self) -> None:
        """Find what the engine runs in, too; each segment says it."""
        self._ask(self._find_environment)

    def add(self, shape: int, cls: type) -> None:
        """Note a shape of a class."""
        self._shapes[cls].append(shape)
        if cls not in self._asked:
            self._asked.add(cls)
            self._ask(partial(self._find_code, cls))

    def _ask(self, question: Callable[[], None]) -> None:
        self._asked_for += 1
        self._questions.put(question)
        if self._thread is None:
            self._thread = threading.Thread(target=self._find, name="alexflow-code", daemon=True)
            self._thread.start()

    def begin(self) -> None:
        """Begin now: the engine waits for something else."""
        self._may_begin.set()

    @property
    def are_known(self) -> bool:
        """Whether nothing is being looked for."""
        return self._answered == self._asked_for

    def lines(self) -> Iterator[CodeLine | EnvironmentLine]:
        """Yield the lines that can be written by now. It blocks; what fails is tried again by the next call."""
        while self._environments:
            yield self._environments.pop()
        for cls in [cls for cls in self._shapes if cls in self._known]:
            state, shapes = self._known[cls], self._shapes[cls]
            while shapes:
                line = None if state is None else self._lists.line(shapes[0], state)
                del shapes[0]
                if line is not None:
                    yield line
            del self._shapes[cls]

    def finish(self) -> None:
        """Wait until all is known. It blocks."""
        self._may_begin.set()
        self._questions.put(None)
        if self._thread is not None:
            self._thread.join(MAX_SECONDS)

    def _find(self) -> None:
        self._may_begin.wait(SECONDS_BEFORE)
        while (question := self._questions.get()) is not None:
            question()
            self._answered += 1

    def _find_environment(self) -> None:
        from alexflow.record.surroundings import environment  # deferred, as below

        try:
            self._environments.append(environment(self._space))
        except Exception as error:  # an odd sys.path
            logger.debug("what the engine runs in is not recorded: %s", text_of(error))

    def _find_code(self, cls: type) -> None:
        from alexflow.fingerprint import fingerprint_of  # deferred: here nothing waits for it

        try:
            self._known[cls] = fingerprint_of(cls)
        except BaseException as error:  # an odd source, or a user's metaclass; other classes are still to come
            logger.debug("the code of %s is not recorded: %s", class_name(cls), text_of(error))
            self._known[cls] = None
