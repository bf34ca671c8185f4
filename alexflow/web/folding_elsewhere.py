"""``FoldingElsewhere``: the process that folds, as the engine's process has it, and the answers to its questions."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import IO, Any

from alexflow.storage import Storage
from alexflow.web.folding import Folding
from alexflow.web.folding_process import CallAnswer, CallFailed, FileBytes, FileNames, QuestionRefused, SpaceCount

#: Seconds that the process gets to end by itself.
END_PATIENCE = 2.0

#: Whatever the working directory has: the packages are those of this process.
_PROGRAM = "import sys; sys.path[:] = {path!r}; from alexflow.web.folding_process import main; main()"


class FoldingLost(Exception):
    """The process that folds cannot be started, or has ended."""


class FoldingElsewhere:
    """A process that folds the record of a storage; started with the first call, and ended with this object.

    Args:
        storage: the storage; the other process asks this one for the bytes of its record.
    """

    def __init__(self, storage: Storage):
        self._storage = storage
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, call: Callable[[Folding], Any]) -> Any:
        """Have the other process call a method, and return what it returns. One at a time; blocks.

        Raises:
            FoldingLost: it is not there.
            RuntimeError: the method has failed.
            Exception: those of the storage.
        """
        try:
            to, answers = self._streams()
            pickle.dump(call, to)
            to.flush()
            refused: Exception | None = None
            while not isinstance(said := pickle.load(answers), (CallAnswer, CallFailed)):  # of our own process
                try:
                    reply = self._read(said)
                except Exception as error:  # the storage's, whatever that raises
                    reply, refused = QuestionRefused(), error
                pickle.dump(reply, to)
                to.flush()
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise FoldingLost(str(error) or type(error).__name__) from error
        if isinstance(said, CallAnswer):
            return said.value
        raise refused or RuntimeError(f"the record cannot be folded:\n{said.text}")

    def _streams(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            program = _PROGRAM.format(path=sys.path)
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                [sys.executable, "-c", program], stdin=pipe, stdout=pipe, start_new_session=True
            )
            weakref.finalize(self, _end, self._process)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def _read(self, question: SpaceCount | FileNames | FileBytes) -> Any:
        spaces = self._storage.reserved_below("record")
        if isinstance(question, SpaceCount):
            return len(list(spaces))
        space = list(spaces)[question.space]
        if isinstance(question, FileNames):
            return space.names()
        try:
            return space.read(question.name, question.start)
        except FileNotFoundError:
            return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a process end, and wait for it in a thread: the collector, which may call this, can be on an event loop."""
    for stream in (process.stdin, process.stdout):
        assert stream is not None
        try:
            stream.close()
        except OSError:  # it has ended
            continue
    try:
        threading.Thread(target=_reap, args=(process,), name="alexflow-folding-end").start()
    except RuntimeError:  # the interpreter ends, and starts none
        _reap(process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(END_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
