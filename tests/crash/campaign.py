"""An engine is killed again and again, at random instants; each next one goes on where it was.

When a workflow is complete, another one begins in a new directory.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from tests.crash.clusters import RunningCluster
from tests.crash.engine_family import Family
from tests.crash.ledger import Ledger, Tally
from tests.crash.plan import AT_AGENTS, ON_CLUSTERS, Kill, Victim, kills
from tests.kit.stored_files import stored_files

ENGINE, WITH_AGENTS, ON_CLUSTER = (f"tests.crash.{name}_process" for name in ("engine", "agents", "cluster"))

#: An engine that is not done after so many seconds hangs.
TOO_LONG = 60.0


class Campaign:
    """A number of kills.

    Args:
        seed: of the plan.
        count: how many kills.
        directory: for everything.
        tally: counts the findings.
        agents: whether jobs run at agents, which are killed, too.
        cluster: on which these run, if they do.
    """

    def __init__(
        self,
        seed: int,
        count: int,
        directory: Path,
        tally: Tally | None = None,
        *,
        agents: bool = False,
        cluster: RunningCluster | None = None,
    ):
        self.tally = Tally() if tally is None else tally
        self._plan = kills(seed, count, ON_CLUSTERS if cluster else AT_AGENTS if agents else None)
        self._engine = [WITH_AGENTS if agents else ENGINE]
        if cluster is not None:
            self._engine = [ON_CLUSTER, cluster.kind, cluster.address]
        self._mark = "" if cluster is None else cluster.mark
        self._directory = directory
        self._expected = self._undisturbed()

    def run(self) -> Tally:
        """Kill as planned."""
        remaining = self._plan[::-1]
        while remaining:
            with tempfile.TemporaryDirectory(dir=self._directory) as directory:
                self._complete(Path(directory), remaining)
        return self.tally

    def _undisturbed(self) -> dict[str, bytes]:
        """Return the bytes of every output, ephemeral ones too, from an undisturbed run."""
        storage, log = self._directory / "undisturbed", self._directory / "log"
        log.touch()
        family = self._family(str(storage), str(log), "keep")
        started = time.monotonic()
        family.hear()
        self._seconds = time.monotonic() - started
        family.close()
        expected = {name: (storage / name).read_bytes() for name in stored_files(storage)}
        shutil.rmtree(storage)
        return expected

    def _family(self, *arguments: str) -> Family:
        return Family(*self._engine, *arguments, cluster=self._mark)

    def _complete(self, directory: Path, remaining: list[Kill]) -> None:
        """Run a workflow to its end, through as many of the kills as it takes."""
        storage, log = directory / "storage", directory / "log"
        arguments = str(storage), str(log)
        storage.mkdir()
        log.touch()
        ledger = Ledger(storage, log, self._expected, self.tally)
        while not self._run(self._family(*arguments), ledger, remaining):
            pass
        again = self._family(*arguments)
        ledger.conclude(again.hear().strip())
        again.close()
        ledger.compare()

    def _run(self, family: Family, ledger: Ledger, remaining: list[Kill]) -> bool:
        """One engine, to its end or until it is killed; whether it came to its end."""
        ledger.begin(family.engine.pid)
        while remaining and not family.ends_within(remaining[-1].moment * self._seconds):
            kill = remaining[-1]
            victims = family.kill(kill)
            if not victims:  # there are none yet
                continue
            remaining.pop()
            self.tally.kills[kill.victim.name.lower()] += 1
            if kill.victim in (Victim.ENGINE, Victim.ALL):
                self._see_ended(family)
                ledger.settle()
                family.close()
                return False
            ledger.note_killed(victims)
            ledger.look()
        if remaining:
            remaining[-1] = remaining[-1].earlier()
        if not family.ends_within(TOO_LONG):
            self.tally.wrong.append("an engine hangs")
            family.engine.kill()
        self._see_ended(family)
        if family.engine.wait() != 0:
            self.tally.wrong.append(f"an engine ended with {family.engine.returncode}")
            ledger.settle()
            family.close()
            return False
        family.close()
        return True

    def _see_ended(self, family: Family) -> None:
        self.tally.orphans += [f"{pid} {command!r}" for pid, _, _, command in family.orphans()]
