"""Requests of the engine to the fork server, and its answers: records of one size.

==========  =======================================  ============================================================
asked       with                                     answered
==========  =======================================  ============================================================
``FORK``    a worker's descriptors                   ``FORKED`` with the process id, ``SPAWNED`` with the process id
                                                     and the number of threads because of which it could not be a
                                                     fork, or ``REFUSED`` with an error number; in the order of the
                                                     requests
``REAP``    the process id of a worker               ``REAPED`` with the exit code and the peak of its memory in
                                                     bytes, once the worker has ended
==========  =======================================  ============================================================
"""

from __future__ import annotations

import struct

#: A verb, a process id, an exit code or error number, and a number of bytes.
RECORD = struct.Struct("<iiiq")

FORK, REAP, FORKED, SPAWNED, REFUSED, REAPED = range(6)

#: The descriptors of a worker: data channel, control channel, marker, lifeline, and both ends of the pipes for standard
#: output and standard error.
DESCRIPTORS = 8

#: Which of them is the lifeline. The fork server keeps it open, too, until the worker is reaped.
LIFELINE = 3
