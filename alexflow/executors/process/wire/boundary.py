"""Boundaries in the pipes for standard output and standard error: they say which job printed what."""

from __future__ import annotations

import struct

STREAMS = (1, 2)  # standard output, standard error

TOKEN_SIZE = 16  # bytes

#: The end of a task's output: zero, the worker's token, the job's number. Small enough for one atomic write to a pipe.
BOUNDARY = struct.Struct(f"<x{TOKEN_SIZE}sQ")
