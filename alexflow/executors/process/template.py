"""The engine's side of the template (:mod:`alexflow.executors.process.forking` says what that is, and why)."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence

from alexflow.executors.process import lifelines
from alexflow.executors.process.asking import FORK, FORKED, REAP, REAPED, RECORD, SPAWNED
from alexflow.executors.process.birth import Birth
from alexflow.executors.process.ending import child_ended
from alexflow.executors.process.exits import Exit

logger = logging.getLogger("alexflow")

_START = (
    "import sys; sys.path[:] = {path!r}\n"
    "from alexflow.executors.process.forking import main\n"
    "main({requests}, {lifeline})"
)

#: Workers that are asked for at once. More wait here, so that a request never meets a full buffer, or the limit for
#: descriptors that are on their way.
AT_ONCE = 16

#: Seconds that a template gets to end by itself.
PATIENCE = 1.0


class Template:
    """A process that forks workers.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self) -> None:
        requests, theirs = socket.socketpair()
        lifeline, self._lifeline = os.pipe()
        path = [entry for entry in sys.path if isinstance(entry, str)]  # Python passes over all others, too
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START.format(path=path, requests=theirs.fileno(), lifeline=lifeline)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), lifeline),
                start_new_session=True,  # Ctrl-C in a terminal is the engine's business
            )
        except BaseException:
            requests.close()
            os.close(self._lifeline)
            raise
        finally:
            theirs.close()
            os.close(lifeline)
        lifelines.hold(self._lifeline)
        requests.setblocking(False)
        self._requests = requests
        self._waiting: deque[Birth] = deque()
        self._asked: deque[Birth] = deque()
        self._unsent: deque[tuple[bytes, Sequence[int]]] = deque()
        self._ends: dict[int, asyncio.Future[Exit]] = {}
        self._burial: asyncio.Task[int] | None = None
        self._has_said_so = False  # that it cannot fork
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(requests.fileno(), self._readable)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether workers can be had from it, as far as is known."""
        return self._burial is None

    @property
    def is_buried(self) -> bool:
        """Whether nothing is left of it."""
        return self._burial is not None and self._burial.done()

    def fork(self, *descriptors: int) -> Birth:
        """Ask for a worker that gets these descriptors; from now on they are the birth's to close."""
        birth = Birth(descriptors)
        self._waiting.append(birth)
        self._ask()
        return birth

    def reap(self, pid: int) -> asyncio.Future[Exit]:
        """How a worker has ended, when it has.

        Its process id may be given to another process after that.
        """
        end: asyncio.Future[Exit] = self._loop.create_future()
        if self.lives:
            self._ends[pid] = end
            self._send(RECORD.pack(REAP, pid, 0, 0))
        else:
            end.set_result(Exit())
        return end

    async def exitcode(self) -> int:
        """Its own, when it has ended."""
        if self._burial is None:
            raise RuntimeError("it lives")
        return await asyncio.shield(self._burial)

    async def aclose(self) -> None:
        """End it."""
        self._hang_up()
        await self.exitcode()

    def kill(self) -> None:
        """End it now, without a look back."""
        self._process.kill()

    # -- asking

    def _ask(self) -> None:
        while self._waiting and len(self._asked) < AT_ONCE:
            birth = self._waiting.popleft()
            self._asked.append(birth)
            self._send(RECORD.pack(FORK, 0, 0, 0), birth.descriptors)

    def _send(self, record: bytes, descriptors: Sequence[int] = ()) -> None:
        self._unsent.append((record, descriptors))
        if len(self._unsent) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._unsent:
            record, descriptors = self._unsent[0]
            try:
                socket.send_fds(self._requests, [record], descriptors)  # a record goes as a whole or not at all
            except BlockingIOError:
                self._loop.add_writer(self._requests.fileno(), self._flush)
                return
            except OSError:  # it has died; the reading side will see the end
                return
            self._unsent.popleft()
        self._loop.remove_writer(self._requests.fileno())

    # -- hearing

    def _readable(self) -> None:
        try:
            data = self._requests.recv(RECORD.size * 256)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            return
        for verb, pid, value, size in RECORD.iter_unpack(data):
            if verb == REAPED:
                _tell(self._ends.pop(pid), Exit(value, size))
            elif verb == FORKED:
                self._asked.popleft().settle(pid)
            elif verb == SPAWNED:
                self._say_it_cannot_fork(threads=value)
                self._asked.popleft().settle(pid)
            else:
                self._asked.popleft().settle(refused=OSError(value, os.strerror(value)))
        self._ask()

    def _say_it_cannot_fork(self, threads: int) -> None:
        if not self._has_said_so:
            self._has_said_so = True
            logger.warning(
                "each worker process starts as a fresh interpreter, which takes longer, and is not forked: a new %s "
                "has %d threads before it runs anything, and a process with threads cannot be forked safely; a .pth "
                "file or sitecustomize of this environment starts them",
                sys.executable,
                threads,
            )

    def _hang_up(self) -> None:
        """It has ended, or ends now: nothing more is to be had from it."""
        if not self.lives:
            return
        self._loop.remove_reader(self._requests.fileno())
        self._loop.remove_writer(self._requests.fileno())
        self._requests.close()
        self._burial = self._loop.create_task(self._bury())
        for birth in (*self._asked, *self._waiting):
            birth.settle()
        for end in self._ends.values():
            _tell(end, Exit())

    async def _bury(self) -> int:
        await child_ended(self._process, PATIENCE)
        self._process.kill()
        await child_ended(self._process)
        lifelines.let_go(self._lifeline)
        return self._process.wait()


def _tell(waiting: asyncio.Future[Exit], end: Exit) -> None:
    if not waiting.done():  # whoever asked may have been cancelled
        waiting.set_result(end)


class Nursery:
    """Where an executor's workers come from: a template, started for the first of them, and anew when it has died."""

    def __init__(self) -> None:
        self._templates: list[Template] = []  # those that are not buried; the last one may live

    def template(self) -> Template:
        """One that lives.

        Raises:
            OSError: it cannot be started.
        """
        if not self._templates or not self._templates[-1].lives:
            template = Template()
            self._templates = [*(earlier for earlier in self._templates if not earlier.is_buried), template]
        return self._templates[-1]

    async def aclose(self) -> None:
        """End what has been started."""
        await asyncio.gather(*(template.aclose() for template in self._templates))

    def kill(self) -> None:
        """End it now, without a look back."""
        for template in self._templates:
            template.kill()
