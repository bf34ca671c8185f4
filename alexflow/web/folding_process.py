"""A process that folds an engine's record for the live page, so that the engine's has its time for its tasks.

    engine's process ──a call of a method of Folding──▶ this one
    engine's process ◀──questions── this one, for what the record has gained ──bytes──▶ this one
    engine's process ◀──CallAnswer, CallFailed── this one

All are pickles on its standard streams. It opens no storage, so it needs no credentials, and reads those of which the
contents end with the engine's process. It ends when its input does.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Iterator
from typing import IO, Any, Literal

from msgspec import Struct

from alexflow.timeline.segments import RecordFiles
from alexflow.web.folding import Folding


class SpaceCount(Struct, frozen=True):
    """A question: how many spaces of records there are."""


class FileNames(Struct, frozen=True):
    """A question: the names of the files of a space, by its number."""

    space: int


class FileBytes(Struct, frozen=True):
    """A question: the bytes of a file from a position on; None for no such file."""

    space: int
    name: str
    start: int


class QuestionRefused(Struct, frozen=True):
    """The answer to a question that the storage has refused."""


class CallAnswer(Struct, frozen=True):
    """The value that a method has returned."""

    value: Any


class CallFailed(Struct, frozen=True):
    """A method has failed: ``text`` says how; "" if that was because a question was refused."""

    text: str


class _Refusal(Exception):
    """The storage has refused a question."""


class _Asked:
    """The record, as the engine's process has it."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]):
        self._from, self._to = questions, answers

    def ask(self, question: SpaceCount | FileNames | FileBytes) -> Any:
        pickle.dump(question, self._to)
        self._to.flush()
        answer = pickle.load(self._from)  # of the process that has started this one
        if isinstance(answer, QuestionRefused):
            raise _Refusal
        return answer

    def reserved_below(self, space: Literal["record"], /) -> Iterator[RecordFiles]:
        for number in range(self.ask(SpaceCount())):
            yield _Space(self, number)


class _Space:
    """A space of records of the engine's process; it is only read."""

    def __init__(self, asked: _Asked, number: int):
        self._asked, self._number = asked, number

    def names(self) -> list[str]:
        return list(self._asked.ask(FileNames(self._number)))

    def read(self, name: str, start: int = 0) -> bytes:
        data = self._asked.ask(FileBytes(self._number, name, start))
        if data is None:
            raise FileNotFoundError(name)
        return bytes(data)


def main() -> None:
    """CallAnswer calls until the input ends."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anything prints is no answer
    folding = Folding(_Asked(questions, answers))
    while True:
        try:
            call = pickle.load(questions)  # of the process that has started this one
        except EOFError:
            return
        answer: CallAnswer | CallFailed
        try:
            answer = CallAnswer(call(folding))
        except _Refusal:
            answer = CallFailed("")
        except Exception:
            answer = CallFailed(traceback.format_exc())
        try:
            pickle.dump(answer, answers)
            answers.flush()
        except BrokenPipeError:
            return
