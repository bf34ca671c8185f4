"""Leases on an object store: an object for each engine that has joined, and one for each output that is leased.

The name of an engine's object states all there is to state: the engine, its process, its heartbeat, and whether it
holds ``all`` or ``some``. So one listing shows every engine, and nothing has to be read. The heartbeat changes by a new
name, created before the old one is removed.

Alone, an engine holds all, and its object is the only one. An engine that joins creates its object first and lists
then, so that of two that join at once at least one sees the other. When an engine that holds all sees another, it
creates a lease for each output that it is working on, and says ``some`` afterwards; until then the others take nothing.

A lease is made by create-if-absent, so one engine has it and all others see that in the answer. It names its engine.
Leases of an engine that is gone, or whose heartbeat has stayed the same for ``ttl``, are removed by the first, in the
order of names, of those that are alive; and the engine's own object after them. An engine of the same machine sees
that a process has ended, and need not wait. An engine that comes back from the dead
sees that by its clock, or because its object is gone, and announces itself anew.

Nothing here is exact where clocks are not: an engine may be taken for lost, and leases be removed that a peer has just
taken. Then work is done twice, and the first publisher wins. For that reason trouble with leases is logged, and fails
no run: an output that cannot be leased is made without a lease.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from alexflow.errors import StorageError, StorageUnavailable
from alexflow.identity.blake2 import blake2b
from alexflow.storage.background import for_each
from alexflow.storage.keys import RESERVED
from alexflow.storage.leases import Holder, Leases, NoLeases, Wanted
from alexflow.storage.liveness import FailureDetector
from alexflow.storage.processes import has_ended, name_of_this_process
from alexflow.storage.remote.publish import Publisher

if TYPE_CHECKING:
    from alexflow.storage.remote.connection import Connection

logger = logging.getLogger("alexflow.storage")

ENGINES = f"{RESERVED}/engines/"
LEASES = f"{RESERVED}/leases/"

#: The time between two looks for peers; less if ``ttl`` is short.
LOOK_FOR_PEERS_EVERY = 3.0  # seconds

#: The time limit of leaving; less if the storage does not answer, which takes a request at least this long to find out
#: again: it has cost the engine a whole deadline already. Peers take what is left behind for a lost engine.
LEAVE_WITHIN, LEAVE_UNANSWERED_WITHIN = 10.0, 0.1  # seconds

_WIDTH = 32  # requests at once; the storage has its own bound for them together with others

#: Errors of a request: the storage's own, and those of a missing bucket.
_TROUBLE = (StorageError, OSError)


class _Engine(NamedTuple):
    """An engine that has joined, as its object's name states it."""

    name: str
    sign: str
    has_all: bool


class ObjectLeases(Leases):
    """Leases by objects that are created if they are absent.

    Args:
        connection: gives the running event loop's.
        keeps: whether the storage keeps create-if-absent.
        where: the storage, as it may be shown.
        ttl: as for :class:`Leases`.
        clock: gives monotonic seconds.
    """

    look_every = 1.0

    def __init__(
        self,
        connection: Callable[[], Connection],
        keeps: Callable[[], Awaitable[bool]],
        where: str,
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__(ttl)
        self._connection = connection
        self._keeps = keeps
        self._where = where
        self._clock = clock
        self._detectors = FailureDetector(ttl, clock)
        self._name = ""
        self._says = b""  # of ourselves
        self._counter = 0
        self._heartbeats: list[str] = []  # our object's names: one, but while it changes
        self._heartbeat_at = 0.0
        self._looked = 0.0
        self._cleared = 0.0
        self._has_joined = False
        self._others: list[_Engine] = []
        self._found: list[Holder] = []  # when holders were last looked for
        self._held: set[str] = set()  # the leases' objects
        self._released: set[str] = set()  # those that are still to be removed
        self._order = asyncio.Lock()  # no lease is made and removed at the same time
        self._removing: asyncio.Task[None] | None = None
        self._works = True  # whether create-if-absent is kept
        self._troubled = False

    # -- there, and not there

    async def join(self) -> None:
        # a new name: no peer has seen its heartbeat
        self._name = f"{uuid.uuid4().hex}-{name_of_this_process()}"
        self._says = msgspec.json.encode(Holder(os.uname().nodename, os.getpid(), time.time()))
        self._cleared = self._clock()  # orphaned leases are rare: an engine that has just joined does not look for them
        self._has_joined = False
        try:
            self.everything = await self._is_alone()
            if not self.everything:
                await self._check_conditions()
            self._has_joined = True
        except StorageUnavailable:
            raise
        except StorageError as error:
            raise OSError(str(error)) from error
        if not self._works:
            raise NoLeases(f"{self._where} does not enforce create-if-absent")

    async def _is_alone(self) -> bool:
        """Say that we are there, with all; and look whether it is so."""
        await self._write_heartbeat(has_all=True)
        await self._look()
        if self._others:
            await self._write_heartbeat(has_all=False)
        return not self._others

    async def _check_conditions(self) -> None:
        if self._works and not await self._keeps():
            self._works = False
            logger.warning(
                "%s does not enforce create-if-absent, so there are no leases: engines that use it at the same time "
                "may do the same work",
                self._where,
            )

    def has_peers(self) -> bool:
        return bool(self._others)

    def parts(self) -> int:
        return 1 + len(self._others)

    async def renew(self) -> bool:
        now = self._clock()
        late = now - self._heartbeat_at >= self.ttl
        try:
            if late:
                await self._come_back()
            elif now - self._heartbeat_at >= self.ttl / 3:
                await self._write_heartbeat(has_all=self.everything)
            if now - self._looked >= min(LOOK_FOR_PEERS_EVERY, self.ttl / 3) and not await self._look() and not late:
                late = True  # a peer has taken this engine for lost
                await self._come_back()
        except _TROUBLE as error:
            self._warn(error)
        else:
            self._troubled = False
        return late

    async def _come_back(self) -> None:
        """Take back the leases that no peer has taken since this engine was late."""
        if self.everything:
            await self._is_alone()  # if not, has_peers() is true, and keep_only() follows
            return
        await self._write_heartbeat(has_all=False)
        async with self._order:
            held, self._held = self._held, set()
            await self._create(held)

    async def leave(self) -> None:
        self.everything = False
        try:
            is_answered = self._has_joined and not self._connection().is_in_outage
            within = LEAVE_WITHIN if is_answered else LEAVE_UNANSWERED_WITHIN
            async with asyncio.timeout(min(self.ttl, within)), self._order:
                if not self._is_late():
                    await self._remove(self._held | self._released)
                self._held, self._released = set(), set()
                await self._remove(self._heartbeats)
                self._heartbeats, self._others, self._found = [], [], []
        finally:
            if self._removing is not None:
                self._removing.cancel()

    # -- outputs

    async def keep_only(self, keys: Iterable[str]) -> None:
        self.everything = False
        try:
            async with self._order:
                await self._check_conditions()
                if self._works:
                    await self._create(map(_lease, keys))
            await self._write_heartbeat(has_all=False)
        except _TROUBLE as error:
            self._warn(error)

    async def take(self, wanted: Wanted) -> set[str]:
        if not wanted or not self._works:
            return set(wanted)
        leases = {task_id: {_lease(key) for key in keys} for task_id, keys in wanted.items()}
        try:
            async with self._order:
                if await self._any_peer_has_all():
                    return set()
                await self._create(set().union(*leases.values()))
                taken = {task_id for task_id, names in leases.items() if names <= self._held}
                kept = set().union(*(leases[task_id] for task_id in taken))
                partly = (set().union(*leases.values()) & self._held) - kept
                self._let_go(partly)
        except _TROUBLE as error:
            self._warn(error)
            return set(wanted)
        return taken

    async def held_by_peers(self, wanted: Wanted) -> set[str]:
        if not wanted or not self._works:
            return set()
        try:
            if await self._any_peer_has_all():
                return set(wanted)
            names = {_lease(key) for keys in wanted.values() for key in keys} - self._held - self._released
            there = await self._connection().exists_many(list(names)) if names else set()
        except _TROUBLE as error:
            self._warn(error)
            return set()
        return {task_id for task_id, keys in wanted.items() if not there.isdisjoint(map(_lease, keys))}

    async def holders(self, wanted: Wanted) -> list[Holder]:
        try:
            owners = {engine.name for engine in self._others if engine.has_all}
            names = {_lease(key) for keys in wanted.values() for key in keys} - self._held - self._released
            owners.update((await self._holders(names)).values() if self._works and not owners else ())
            signs = [sign for sign in await self._list(ENGINES) if _engine_of(sign) in owners - {self._name}]
            contents = await self._read_all(signs)
            self._found = list(dict.fromkeys(msgspec.json.decode(says, type=Holder) for says in contents.values()))
            return self._found
        except (*_TROUBLE, msgspec.MsgspecError) as error:
            logger.debug("%s: the holders of leases cannot be read: %s", self._where, error)
            return []

    def known_holders(self, wanted: Wanted) -> list[Holder]:
        return self._found

    def release(self, keys: Iterable[str]) -> None:
        self._let_go({_lease(key) for key in keys} & self._held)

    def _let_go(self, leases: set[str]) -> None:
        self._held -= leases
        self._released |= leases
        if leases and (self._removing is None or self._removing.done()):
            self._removing = asyncio.ensure_future(self._remove_released())

    async def _remove_released(self) -> None:
        try:
            while self._released and not self._is_late():  # late: they may be others' by now, see _come_back
                async with self._order:
                    released, self._released = self._released - self._held, set()
                    await self._remove(released)
        except _TROUBLE as error:
            self._warn(error)

    async def _any_peer_has_all(self) -> bool:
        """Whether a peer holds everything. Peers that join later never do, so mostly no request is made."""
        if any(engine.has_all for engine in self._others):
            await self._look()
        return any(engine.has_all for engine in self._others)

    # -- objects

    def _is_late(self) -> bool:
        return self._clock() - self._heartbeat_at >= self.ttl

    async def _create(self, leases: Iterable[str]) -> None:
        """Create these leases, as far as no peer has them."""
        publisher, name = Publisher(self._connection(), self._where), self._name.encode()

        async def create(lease: str) -> None:
            if await publisher.publish(lease, name):
                self._held.add(lease)
                self._released.discard(lease)

        new = [lease for lease in leases if lease not in self._held]
        if new:
            await for_each(new, create, min(len(new), _WIDTH))

    async def _write_heartbeat(self, *, has_all: bool) -> None:
        begun = self._clock()
        self._counter += 1
        old = list(self._heartbeats)
        sign = f"{ENGINES}{self._name}.{self._counter:08x}.{'all' if has_all else 'some'}"
        self._heartbeats.append(sign)
        await self._connection().request("sign", sign, lambda backend, _: backend.replace(sign, self._says))
        self._heartbeat_at = begun
        await self._remove(old)
        self._heartbeats = [sign]

    async def _look(self) -> bool:
        """Look for peers, and clear away lost ones. Returns whether this engine is listed, too."""
        engines = await self._engines()
        seen = engines.pop(self._name, None) is not None
        lost = self._lost(engines)
        is_first = all(self._name < name for name in engines if name not in lost)
        if is_first and (lost or (engines and self._clock() - self._cleared >= self.ttl)):
            await self._clear_away()
            engines = await self._engines()
            engines.pop(self._name, None)
        self._others = list(engines.values())
        return seen

    async def _engines(self) -> dict[str, _Engine]:
        """The engines that have joined, this one among them."""
        self._looked = self._clock()
        engines: dict[str, _Engine] = {}
        for key in sorted(await self._list(ENGINES)):  # the newest of an engine's comes last
            name, _, sign = key.removeprefix(ENGINES).partition(".")
            engines[name] = _Engine(name, sign, sign.endswith("all"))
        return engines

    def _lost(self, engines: Mapping[str, _Engine]) -> set[str]:
        return {
            name
            for name, engine in engines.items()
            if self._detectors.is_lost(name, engine.sign.encode()) or has_ended(name.partition("-")[2])
        }

    async def _clear_away(self) -> None:
        """Remove leases whose engine is lost or gone."""
        self._cleared = self._clock()
        holders = await self._holders(await self._list(LEASES))
        engines = await self._engines()  # afterwards: an engine that makes a lease has joined before
        engines.pop(self._name, None)
        lost = self._lost(engines)
        alive = {self._name, *engines} - lost
        await self._remove([lease for lease, name in holders.items() if name not in alive])
        if lost:
            logger.info("%s: %d engines have ended, or written no heartbeat for %g s", self._where, len(lost), self.ttl)
            signs = await self._list(ENGINES)
            await self._remove([key for key in signs if _engine_of(key) in lost])

    async def _holders(self, leases: Iterable[str]) -> dict[str, str]:
        """Names of engines by those of these leases that they have."""
        return {lease: name.decode(errors="replace") for lease, name in (await self._read_all(leases)).items()}

    async def _read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """The contents of these objects, as far as they exist."""
        connection = self._connection()
        found: dict[str, bytes] = {}

        async def read(name: str) -> None:
            try:
                content = await connection.request("read", name, lambda backend, attempt: backend.read(name, attempt))
            except FileNotFoundError:  # removed meanwhile
                return
            found[name] = content

        await for_each(list(names), read, _WIDTH)
        return found

    async def _list(self, prefix: str) -> list[str]:
        connection = self._connection()
        pages = (await connection.backend()).pages(prefix)
        keys: list[str] = []
        while (page := await connection.next_page(prefix, pages)) is not None:
            keys += page
        return keys

    async def _remove(self, names: Iterable[str]) -> None:
        names = list(names)
        if names:
            await self._connection().remove_many(names)

    def _warn(self, error: Exception) -> None:
        """Once, until it works again."""
        if not self._troubled:
            self._troubled = True
            logger.warning("%s: leases failed, so other engines may do the same work for now: %s", self._where, error)


def _engine_of(sign: str) -> str:
    """The name of the engine whose heartbeat this is."""
    return sign.removeprefix(ENGINES).partition(".")[0]


def _lease(key: str) -> str:
    """The name of an output's lease."""
    return f"{LEASES}{blake2b(key.encode(), digest_size=16).hexdigest()}"
