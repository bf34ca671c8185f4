"""The interpreter of a fork server, from its start until an engine takes it over.

An interpreter and what it imports take as long as the engine's own imports do. So it can be started before those, and
both go on at the same time. It needs neither an event loop nor anything else of an engine for that.
"""

from __future__ import annotations

import os
import subprocess
import sys

from alexflow.blocks_briefly import blocks_briefly
from alexflow.executors.process import lifeline_ends
from alexflow.executors.process.wire.lifeline import belongs_to, kill_with
from alexflow.executors.process.wire.sockets import new_pair

#: Garbage is not looked for meanwhile: there is none, and to look takes a tenth of the time. ``typing_extensions``
#: takes 4 %, and msgspec imports it where it is installed for what ``typing`` has, too; modules of users find it.
_START = (
    "import gc; gc.disable()\n"
    "import sys; sys.path[:] = {path!r}\n"
    "lean = sys.modules.setdefault('typing_extensions') is None\n"
    "import msgspec\n"
    "if lean: del sys.modules['typing_extensions']\n"
    "from alexflow.executors.process.worker.fork_server import main\n"
    "main({requests}, {lifeline})"
)


class StartedServer:
    """A process that will be a fork server.

    Args:
        python: its interpreter, a path or a command.

    Attributes:
        process: the process.
        requests: this process's end of the socket to it.
        lifeline: this process's end of its lifeline.
        is_taken: whether an engine has taken it over.

    Raises:
        OSError: it cannot be started.
    """

    @blocks_briefly("once an engine: a vfork, some 0.4 ms")
    def __init__(self, python: str) -> None:
        self.python = python
        self.is_taken = False
        self.requests, theirs = new_pair()
        read_end, self.lifeline = os.pipe()
        path = [entry for entry in sys.path if isinstance(entry, str)]  # Python passes over all others, too
        kill_with(read_end)
        try:
            self.process = subprocess.Popen(
                [python, "-c", _START.format(path=path, requests=theirs.fileno(), lifeline=read_end)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), read_end),
                start_new_session=True,  # Ctrl-C in a terminal is the engine's business
            )
            belongs_to(self.process.pid, read_end)
        except BaseException:
            self.requests.close()
            os.close(self.lifeline)
            raise
        finally:
            theirs.close()
            os.close(read_end)
        lifeline_ends.hold(self.lifeline)

    @blocks_briefly("where it turns out that no worker is needed: a kill, some 0.5 ms")
    def end_unless_taken(self) -> None:
        """End it, unless an engine has taken it over."""
        if not self.is_taken:
            self.is_taken = True
            self.requests.close()
            self.process.kill()
            lifeline_ends.let_go(self.lifeline)
            self.process.wait()
