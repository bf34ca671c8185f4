"""An engine with all its processes: to be started, found, killed, and seen to have ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import uuid
from typing import NamedTuple

from tests.crash.plan import Kill, Victim

MARK = "ALEXFLOW_CRASH_TEST"  # an environment variable, by which processes are found that have lost their parents

#: In the command line of the fork server, and in that of its forks.
FORK_SERVER = b"alexflow.executors.process.worker.fork_server"

#: In the command line of an agent.
AGENT = b"-m\0alexflow\0agent\0"

SECONDS_TO_END = 2.0  # that processes have when their engine is gone
SECONDS_OF_AGENT = 10.0  # the same for an agent, which may be importing what it needs to see that


class Relative(NamedTuple):
    """A process of the family; its parent and its group."""

    pid: int
    parent: int
    group: int
    command: bytes


class Family:
    """An engine process, and what has come of it.

    Args:
        arguments: a module and its arguments.
        cluster: the mark of the cluster on which its agents run, if they do.
    """

    def __init__(self, *arguments: str, cluster: str = ""):
        self._mark = uuid.uuid4().hex
        self._cluster = cluster
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), MARK: self._mark}
        self.engine = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=environment, stdout=subprocess.PIPE, text=True
        )
        self._pidfd = os.pidfd_open(self.engine.pid)
        assert self.engine.stdout is not None
        self._said = self.engine.stdout
        self.hear()  # it begins

    def hear(self) -> str:
        """The next line that the engine says; empty if it has ended."""
        return self._said.readline()

    def ends_within(self, seconds: float) -> bool:
        """Wait for the engine's end for so long."""
        return bool(select.select([self._pidfd], [], [], max(seconds, 0))[0])

    def close(self) -> None:
        """Be done with an engine that has ended."""
        self.engine.wait()
        self._said.close()
        os.close(self._pidfd)

    def kill(self, kill: Kill) -> list[int]:
        """Kill whatever the plan says; return that, and what ends with it. None of it may be there yet, or any more."""
        victims, others = self._victims(kill)
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return victims + others

    def _victims(self, kill: Kill) -> tuple[list[int], list[int]]:
        """Return what is to be killed, and the workers that end with it."""
        engine, relatives = self.engine.pid, self.living()
        forks = [relative for relative in relatives if FORK_SERVER in relative.command]
        agents = {
            relative.pid: relative.parent
            for relative in relatives
            if AGENT in relative.command and relative not in forks
        }
        hosts = {engine, *agents}
        fork_servers = {fork.pid: fork.parent for fork in forks if fork.parent in hosts}
        workers = {fork.pid: fork.parent for fork in forks if fork.parent not in hosts and fork.group == fork.pid}
        if kill.victim is Victim.ENGINE:
            return [engine], []
        if kill.victim is Victim.FORK_SERVER:
            return list(fork_servers), []
        if kill.victim is Victim.WORKERS:
            return list(workers), []
        if kill.victim is Victim.WORKER:
            return [kill.chance.choice(list(workers))] if workers else [], []
        if kill.victim in (Victim.AGENT, Victim.HOLDER):
            if not agents:
                return [], []
            agent = kill.chance.choice(list(agents))
            hosted = [pid for pid, parent in workers.items() if fork_servers.get(parent) == agent]
            return ([agents[agent]], hosted) if kill.victim is Victim.HOLDER else ([agent, *hosted], [])
        everybody = [relative.pid for relative in relatives]
        kill.chance.shuffle(everybody)
        return everybody, []

    def living(self) -> list[Relative]:
        """All processes of the family that have not ended; on a cluster, agents and what they have started."""
        hosted = living(self._cluster) if self._cluster else []
        return living(self._mark) + [each for each in hosted if AGENT in each.command or FORK_SERVER in each.command]

    def orphans(self) -> list[Relative]:
        """Return the processes that are left some time after the engine's end, and kill them."""
        started = time.monotonic()
        while left := self.living():
            patience = SECONDS_OF_AGENT if all(AGENT in relative.command for relative in left) else SECONDS_TO_END
            if time.monotonic() - started > patience:
                break
            time.sleep(0.002)
        for relative in left:
            os.kill(relative.pid, signal.SIGKILL)
        return left


def living(mark: str) -> list[Relative]:
    """All processes that have this mark and have not ended."""
    wanted = f"{MARK}={mark}".encode()
    found: list[Relative] = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if wanted not in file.read().split(b"\0"):  # a zombie has none
                    continue
            with open(f"/proc/{name}/stat") as file:
                _, parent, group, *_ = file.read().rpartition(")")[2].split()
            with open(f"/proc/{name}/cmdline", "rb") as file:
                found.append(Relative(int(name), int(parent), int(group), file.read()))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found
