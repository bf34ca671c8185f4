"""The place of one process at a directory's leases file, shared by all engines of that process.

To the kernel there are only processes: each has a *seat*, a number, and with it a region of the file's (endless) range.
The last byte of the region says that the seat is taken; each other byte stands for an output. A process that is alone
locks its whole region with one call. When another process comes it lets go of all but what its engines hold, without
letting go of that for a moment.

Among engines of one process a dictionary holds the owner of each output, so a thousand engines cost no system call.

A process that is forked shares the locks of its parent for as long as it has a copy of the descriptor. So the copy is
closed in the child, at once.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Protocol

from alexflow.blocks_briefly import blocks_briefly
from alexflow.identity.blake2 import blake2b
from alexflow.storage.leases import Holder, Wanted
from alexflow.storage.liveness import FailureDetector
from alexflow.storage.local.lock_file import (
    any_held_by_others,
    is_at,
    is_held_by_others,
    is_removed,
    open_lockfile,
    parts_held_by_others,
    release_range,
    take_range,
)

#: Processes on one storage at once.
SEATS = 1024

_REGION = 1 << 51  # outputs differ in as many bits of a digest; two outputs that share a byte only wait for each other
_TAKEN = _REGION - 1  # the byte that says that a seat is taken

_HOST = os.uname().nodename
_HOST_BYTES = _HOST.encode()[:108]

#: A seat's entry in the file: heartbeat, time of taking the seat, process number, host.
_RECORD = struct.Struct("<QdI108s")


class LocalEngine(Protocol):
    """The leases of one engine of this process, as its seat sees them.

    Attributes:
        ttl: seconds without a heartbeat after which another engine counts as lost.
        number: unique among the engines of this process.
        heartbeat: the engine's counter, for engines of this process.
        places: of the outputs that it holds.
        everything: whether it holds everything.
        detector: with other processes.
    """

    ttl: float
    number: int
    heartbeat: int
    places: set[int]
    everything: bool
    detector: FailureDetector

    def clock(self) -> float:
        """Monotonic seconds."""
        ...


class Seat:
    """A process at a leases file.

    Attributes:
        engines: those that have work, with the time since when.
        users: those that are open.
    """

    def __init__(self, path: str):
        self.path = path
        self.engines: dict[LocalEngine, float] = {}
        self.users: set[LocalEngine] = set()
        self._lock = threading.RLock()  # engines may be in several threads
        self._fd = -1
        self._number = 0
        self._region = 0  # where its part of the range begins
        self._counter = 0
        self._since = 0.0
        self._heartbeat_at = 0.0
        self._whole = False  # whether the process holds everything
        self._was_late = False  # so that others may hold some of it, too
        self._owner: LocalEngine | None = None  # the engine that holds everything
        self._holders: dict[int, LocalEngine] = {}  # engines by places of outputs
        self._detectors: dict[float, FailureDetector] = {}  # with engines of this process

    # -- there, and not there

    def enter(self, engine: LocalEngine) -> bool:
        """An engine has work. Returns False if there is no seat just now."""
        with self._lock:
            if not self.engines and not self._sit_down(engine):
                return False
            if self._whole and not self.engines:
                self._owner = engine
            self.engines[engine] = time.time()
            engine.everything = self._owner is engine
            return True

    def leave(self, engine: LocalEngine) -> None:
        """An engine has no work any more: it holds nothing."""
        with self._lock:
            if engine in self.engines:
                self._drop(engine)
                del self.engines[engine]
                if not self.engines:
                    release_range(self._fd, self._region, _REGION)
                    self._whole = self._was_late = False

    @blocks_briefly("a small file: it costs less than a thread would")
    def close(self) -> None:
        """The last engine of this process is closed: remove the file, if no other process is there."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                if take_range(fd, 0, SEATS * _REGION) and is_at(
                    self.path, fd
                ):  # no process has a seat, and none can take one now
                    os.unlink(self.path)
            finally:
                os.close(fd)

    def abandon(self) -> None:
        """Close the descriptor in a forked child, and nothing else: the locks are the parent's."""
        fd, self._fd = self._fd, -1
        self._lock = threading.RLock()  # another thread of the parent may have held it
        self.engines.clear()
        self.users.clear()
        self._holders.clear()
        self._owner = None
        if fd >= 0:
            os.close(fd)

    def _sit_down(self, engine: LocalEngine) -> bool:
        if self._fd < 0:
            self._fd = open_lockfile(self.path)
        if not take_range(self._fd, self._region, _REGION) and not self._find_seat():
            return False
        if is_removed(self._fd):  # there may be another one by now
            os.close(self._fd)
            self._fd = -1
            return False
        self._since = time.time()
        if not self._counter:
            self._counter = int.from_bytes(os.urandom(7), "little")  # no peer has read it in this seat
        self._write_heartbeat(engine)
        self._whole = True
        if self._others_are_here():
            self._shrink()
        return True

    def _find_seat(self) -> bool:
        """Take the first seat that is free."""
        for number in range(SEATS):
            if take_range(self._fd, number * _REGION, _REGION):
                self._number, self._region = number, number * _REGION
                return True
        return False

    # -- other processes, and other engines

    def has_peers(self) -> bool:
        """Whether other engines are there, in this process or in others."""
        return len(self.engines) > 1 or self._others_are_here()

    def parts(self) -> int:
        """Into how many parts engines share what is limited: processes have equal ones, and so have engines in each."""
        return (1 + sum(1 for _ in self._others())) * max(len(self.engines), 1)

    def _others_are_here(self) -> bool:
        return any_held_by_others(self._fd, 0, SEATS * _REGION)

    def _others(self) -> Iterator[int]:
        """Seats of other processes."""
        return parts_held_by_others(self._fd, _REGION, SEATS)

    def _living(self, engine: LocalEngine) -> list[int]:
        """Seats of other processes that have shown a heartbeat lately, as this engine has seen."""
        return [seat for seat in self._others() if not engine.detector.is_lost(seat, self._read(seat)[:8])]

    def _read(self, seat: int) -> bytes:
        return os.pread(self._fd, _RECORD.size, seat * _RECORD.size)

    def _is_lost(self, engine: LocalEngine, peer: LocalEngine) -> bool:
        detector = self._detectors.get(engine.ttl)
        if detector is None:
            detector = self._detectors[engine.ttl] = FailureDetector(engine.ttl, engine.clock)
        return detector.is_lost(peer.number, peer.heartbeat.to_bytes(8, "little"))

    # -- holding everything, or some

    def keep_only(self, engine: LocalEngine, keys: Iterable[str]) -> None:
        """An engine that holds everything holds these instead."""
        with self._lock:
            if self._owner is engine:
                self._owner = None
            for place in map(_place, keys):
                if self._holders.setdefault(place, engine) is engine:
                    engine.places.add(place)
                    if not self._whole:
                        take_range(self._fd, self._region + place)
            self._make_room()

    def _make_room(self) -> None:
        if self._whole and self._owner is None and self._others_are_here():
            self._shrink()

    def _shrink(self) -> None:
        """Hold what engines of this process hold instead of everything."""
        self._whole = self._was_late = False
        end = self._region + _TAKEN
        # downwards: the rest of the region then stays the first of the locks that the kernel walks through
        for place in sorted(self._holders, reverse=True):
            byte = self._region + place
            if byte + 1 < end:
                release_range(self._fd, byte + 1, end - byte - 1)
            end = byte
        if end > self._region:
            release_range(self._fd, self._region, end - self._region)

    def take(self, engine: LocalEngine, wanted: Wanted) -> set[str]:
        """Take what no other engine holds; gives the tasks that were taken."""
        with self._lock:
            held = self._held_by_peers(engine, wanted)
            new: dict[int, None] = {}
            for task_id, keys in wanted.items():
                if task_id not in held:
                    new.update(dict.fromkeys(map(_place, keys)))
            for place in new:
                self._take_over(place, engine)
            if not self._whole:
                for place in new:
                    take_range(self._fd, self._region + place)
            if self._may_be_held:
                held |= self._held_by_processes(engine, {id: keys for id, keys in wanted.items() if id not in held})
                for task_id in held:
                    self.release(engine, wanted[task_id])
            return wanted.keys() - held

    def held_by_peers(self, engine: LocalEngine, wanted: Wanted) -> set[str]:
        """The subset of these tasks that another engine holds and has not let lapse."""
        with self._lock:
            held = self._held_by_peers(engine, wanted)
            return held | self._held_by_processes(engine, wanted) if self._may_be_held else held

    @property
    def _may_be_held(self) -> bool:
        """Whether other processes may hold anything."""
        return not self._whole or self._was_late

    def _held_by_peers(self, engine: LocalEngine, wanted: Wanted) -> set[str]:
        owner = self._owner
        if owner is not None and owner is not engine and not self._is_lost(engine, owner):
            return set(wanted)
        held: set[str] = set()
        for task_id, keys in wanted.items():
            for key in keys:
                holder = self._holders.get(_place(key), engine)
                if holder is not engine and not self._is_lost(engine, holder):
                    held.add(task_id)
        return held

    def _held_by_processes(self, engine: LocalEngine, wanted: Wanted) -> set[str]:
        held: set[str] = set()
        for seat in self._living(engine):
            for task_id, keys in wanted.items():
                if task_id not in held and any(self._is_held_by(seat, key) for key in keys):
                    held.add(task_id)
        return held

    def _is_held_by(self, seat: int, key: str) -> bool:
        return is_held_by_others(self._fd, seat * _REGION + _place(key))

    def _take_over(self, place: int, engine: LocalEngine) -> None:
        before = self._holders.get(place)
        if before is not None:
            before.places.discard(place)  # of an engine that is lost
        self._holders[place] = engine
        engine.places.add(place)

    def release(self, engine: LocalEngine, keys: Iterable[str]) -> None:
        """Let go of outputs that an engine has taken or kept."""
        with self._lock:
            for place in map(_place, keys):
                self._release(engine, place)

    def _release(self, engine: LocalEngine, place: int) -> None:
        if self._holders.get(place) is engine:
            del self._holders[place]
            engine.places.discard(place)
            if not self._whole:
                release_range(self._fd, self._region + place)

    def _drop(self, engine: LocalEngine) -> None:
        """Take away all that an engine holds."""
        if self._owner is engine:
            self._owner = None
        for place in list(engine.places):
            self._release(engine, place)

    # -- heartbeats

    def renew(self, engine: LocalEngine) -> None:
        """Write a heartbeat for one of the engines, and so for this process."""
        with self._lock:
            if engine in self.engines:
                since = engine.clock() - self._heartbeat_at
                if since >= engine.ttl / 3:
                    self._was_late = self._was_late or since >= engine.ttl
                    self._write_heartbeat(engine)
                    self._strip_lost(engine)
                self._make_room()

    def _write_heartbeat(self, engine: LocalEngine) -> None:
        self._counter += 1
        self._heartbeat_at = engine.clock()
        record = _RECORD.pack(self._counter, self._since, os.getpid(), _HOST_BYTES)
        os.pwrite(self._fd, record, self._number * _RECORD.size)

    def _strip_lost(self, engine: LocalEngine) -> None:
        """Engines whose loop stands still hold nothing, though this process shows that it is alive."""
        if self._others_are_here():
            for peer in self.engines:
                if peer is not engine and self._is_lost(engine, peer):
                    self._drop(peer)

    # -- holders

    def holders(self, engine: LocalEngine, wanted: Wanted) -> list[Holder]:
        """The engines that hold any of these."""
        with self._lock:
            found: dict[Holder, None] = {}
            held = self._held_by_peers(engine, wanted)
            if held:
                places = {_place(key) for task_id in held for key in wanted[task_id]}
                peers = [self._owner, *(self._holders.get(place) for place in places)]
                for peer in peers:
                    if peer is not None and peer is not engine:
                        found[Holder(_HOST, os.getpid(), self.engines.get(peer, 0.0))] = None
            if self._may_be_held:
                for seat in self._living(engine):
                    if any(self._is_held_by(seat, key) for keys in wanted.values() for key in keys):
                        _, since, pid, host = _RECORD.unpack(self._read(seat).ljust(_RECORD.size, b"\0"))
                        found[Holder(host.rstrip(b"\0").decode(errors="replace"), pid, since)] = None
            return list(found)


class Seats:
    """All seats of one process, by file."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._seats: dict[str, Seat] = {}
        self._watches_forks = False

    def of(self, path: str, engine: LocalEngine) -> Seat:
        """The seat at this file, which an engine will use until it is given back."""
        with self._lock:
            if not self._watches_forks:  # not when this is imported: a process without leases is left as it is
                self._watches_forks = True
                os.register_at_fork(after_in_child=self._abandon_all)
            seat = self._seats.get(path)
            if seat is None:
                seat = self._seats[path] = Seat(path)
            seat.users.add(engine)
            return seat

    def give_back(self, seat: Seat, engine: LocalEngine) -> None:
        """An engine does not use this seat any more."""
        with self._lock:
            if engine in seat.users:  # else this is a fork
                seat.leave(engine)
                seat.users.discard(engine)
                if not seat.users:
                    del self._seats[seat.path]
                    seat.close()

    def _abandon_all(self) -> None:
        self._lock = threading.RLock()
        seats, self._seats = list(self._seats.values()), {}
        for seat in seats:
            seat.abandon()


def _place(key: str) -> int:
    """The position of an output's byte in a region."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "little") % _TAKEN
