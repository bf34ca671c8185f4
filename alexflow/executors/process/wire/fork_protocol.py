"""Requests of the engine to a fork server, and its answers: records of one size.

============  =====================================  ============================================================
asked         with                                   answered
============  =====================================  ============================================================
``FORK``      a worker's descriptors, and how many   ``FORKED`` with the process id; ``SPAWNED`` with the process id
              modules it wants to be imported        and the number of threads because of which it could not be a
                                                     fork; ``REFUSED`` with an error number; ``OUTDATED`` if it has
                                                     imported files that have changed; in the order of the requests
``WARM``      a warm server's descriptors            ``FORKED`` or ``REFUSED``, as above
``REAP``      the process id of a worker             ``REAPED`` with the exit code and the peak of its memory in
                                                     bytes, once the worker has ended
============  =====================================  ============================================================

A warm server is a fork server that imports modules first. It is sent a :class:`Preload`, as a frame, before any record.
Of each module it reports ``IMPORTED``, with the module's place in the list and the microseconds that it took, or
``NOT_FOUND``, if there is none of that name. ``UNFIT`` is its last report: the module's place, a defect
(``process/wire/defects.py``), and a number that belongs to that; what follows is text, to the end of the stream.
"""

from __future__ import annotations

import struct

import msgspec

from alexflow.executors.process.wire.messages import ProcessEnvironment

#: A verb, a process id or a module's place, an exit code, error number or other number, and a number of bytes or
#: microseconds.
RECORD = struct.Struct("<iiiq")

FORK, REAP, FORKED, SPAWNED, REFUSED, REAPED, WARM, IMPORTED, NOT_FOUND, UNFIT, OUTDATED = range(11)

#: The descriptors of a worker: data channel, control channel, marker, lifeline, and both ends of the pipes for standard
#: output and standard error.
DESCRIPTORS = 8

#: Which of them is the lifeline. The fork server keeps it open, too, until the worker is reaped.
LIFELINE = 3

#: Which of them lead to the engine's reader of standard output, and of standard error.
WRITING = slice(5, None, 2)

#: The descriptors of a warm server: where it is asked, and its lifeline.
WARM_DESCRIPTORS = 2


class Preload(msgspec.Struct, frozen=True, array_like=True):
    """Modules that a warm server imports, in this order, and the process environment in which it does so."""

    environment: ProcessEnvironment
    modules: list[str]
