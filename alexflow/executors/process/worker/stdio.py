"""The output of tasks, on the worker's side: descriptors 1 and 2 lead to the engine, through a pipe each.

Children and C code write there as they would anywhere, and nothing in this process has to pass it on; so a task may
hold the interpreter lock while it writes. A *boundary* says which task printed what: a record that this
process writes into the same pipe, after the task, if something may have been written. A task that prints nothing costs
one look at the pipes (docs/design/workers.md).
"""

from __future__ import annotations

import select

from alexflow.executors.process.wire.boundary import BOUNDARY, STREAMS
from alexflow.executors.process.wire.status_page import StatusPage
from alexflow.executors.process.worker.standard_streams import SUSPICIOUS, StandardStreams


class StdioCapture:
    """Standard output and standard error of a worker.

    Args:
        reading: the engine's ends of the two pipes, here only to see whether they are empty.
        writing: this process's ends; from now on descriptors 1 and 2 are those, too.
        token: bytes that no task prints.
        page: where the engine says whether it has read anything that no boundary follows yet.
    """

    def __init__(self, reading: tuple[int, int], writing: tuple[int, int], token: bytes, page: StatusPage):
        poll = select.poll()  # of numbers; `epoll` is of files, and does not notice that they have others
        for fd in reading:
            poll.register(fd, select.POLLIN)
        for fd in STREAMS:
            poll.register(fd, SUSPICIOUS)
        self._poll = poll.poll
        self._reading = reading
        self._streams = StandardStreams(writing)
        self.flush = self._streams.flush
        self.put_back = self._streams.put_back
        self.look_closer = self._streams.look_closer
        #: Whether the last job was seen to have changed the streams; descriptors that it has replaced may not be seen.
        self.is_changed = False
        self._token = token
        self._unsettled = page.unsettled

    def let_go(self) -> None:
        """In a fork of the worker: keep what a process prints to, and nothing else."""
        self._streams.let_go(self._reading)

    def end(self, number: int) -> bool:
        """End a job. Return whether it, or what ran before it, has printed anything.

        Raises:
            OSError: a task has closed what this needs.
        """
        streams = self._streams
        streams.flush()
        ready, printed = self._poll(0), self._unsettled()  # in this order: the engine may read at any time
        is_replaced = False
        if ready:
            descriptors = {fd for fd, _ in ready}
            is_replaced = not descriptors.isdisjoint(STREAMS)
            printed = printed or not descriptors.isdisjoint(self._reading)
        if printed:
            streams.write(BOUNDARY.pack(self._token, number))
        self.is_changed = is_replaced or not streams.are_in_place
        return bool(printed)
