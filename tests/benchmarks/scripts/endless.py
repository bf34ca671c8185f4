"""A contestant that never ends, and a child of it, which holds a pipe open as long as it lives."""

import os
import signal

from benchmarks import protocol

told = protocol.parser().parse_args()
if os.fork() == 0:
    pipe = os.open(told.directory / "pipe", os.O_WRONLY)
signal.pause()
