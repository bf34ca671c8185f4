"""The exit status of a process, as the system's number and in words."""

from __future__ import annotations

import signal
import sys

from msgspec import Struct

from alexflow.executors.memory_text import memory_text

#: The unit in which the system counts the peak memory of a process.
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


class ExitStatus(Struct, frozen=True):
    """The exit status of a process, as far as it is known.

    Attributes:
        code: as :attr:`subprocess.Popen.returncode`: negative is the signal's number; None if unknown.
        peak_rss: the most memory that it ever had at once, in bytes; 0 if unknown.
        shortage: why it was killed, if its agent has seen that it was for memory; "" otherwise.
        hung_up: whether it had closed its channel, lived on, and was killed for that.
    """

    code: int | None = None
    peak_rss: int = 0
    shortage: str = ""
    hung_up: bool = False

    @property
    def signal(self) -> int:
        """The number of the signal that killed it, or 0."""
        return -self.code if self.code is not None and self.code < 0 else 0

    def __str__(self) -> str:
        peak = f"; its peak memory was {memory_text(self.peak_rss)}" if self.peak_rss else ""
        if self.code is None:
            return "ended with an unknown exit status"
        if self.hung_up:
            return (
                "closed its connection to the engine, and was ended: its task replaced the process by another program "
                "(os.exec…; subprocess.run starts one beside it), or closed descriptors that were not its own"
            )
        if self.signal:
            hint = "; possibly out of memory" if self.signal == signal.SIGKILL else ""
            return f"was killed by {_name(self.signal)}{hint}{peak}"
        return f"exited with code {self.code} (os._exit(), or native code that ends the process){peak}"


def peak_rss_of(ru_maxrss: int) -> int:
    """Bytes, from what the system says of a process that has ended."""
    return ru_maxrss * _PEAK_UNIT


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
