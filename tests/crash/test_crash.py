"""An engine, its workers, or what they are forked from are killed at random instants: nothing is partial, lost or left.

The long form, with 200 kills, is ``nox -s crash``.
"""

from __future__ import annotations

import random

import pytest

from tests.crash.campaign import Campaign
from tests.crash.ledger import Ledger, Tally
from tests.crash.plan import kills
from tests.crash.workflow import Small, Start, content
from tests.faults.workflows import note


@pytest.mark.skipif("not __import__('os').path.exists('/proc/self/environ')", reason="finds processes in /proc")
@pytest.mark.timeout(240)
def test_nothing_is_partial_lost_or_left(tmp_path, record_property):
    seed = random.randrange(1_000_000)
    record_property("seed", seed)
    tally = Campaign(seed, 12, tmp_path).run()
    print(f"seed {seed}: {tally}")
    assert tally.kills.total() == 12
    assert tally.faults == [], f"seed {seed}"
    assert tally.twice <= tally.in_flight


def test_a_seed_is_a_plan():
    first, second, other = kills(1, 50), kills(1, 50), kills(2, 50)
    assert [kill[:2] for kill in first] == [kill[:2] for kill in second] != [kill[:2] for kill in other]
    assert [kill.chance.random() for kill in first] == [kill.chance.random() for kill in second]


class TestTheLedgerFinds:
    """The harness itself: what it must find, done by hand."""

    @pytest.fixture
    def tally(self):
        return Tally()

    @pytest.fixture
    def small(self, tmp_path):
        return Small(1, str(tmp_path / "log"))

    @pytest.fixture
    def ledger(self, tmp_path, tally, small):
        (tmp_path / "storage").mkdir()
        (tmp_path / "log").touch()
        ledger = Ledger(tmp_path / "storage", tmp_path / "log", {small.task_id: content(small)}, tally)
        ledger.begin(engine=1)
        return ledger

    @pytest.fixture
    def file(self, tmp_path, small):
        return tmp_path / "storage" / small.task_id

    def start(self, small, pid, again=False):
        note(small.log, Start(pid, again, small.task_id, [small.task_id], False).as_line())

    def test_a_partial_output(self, ledger, tally, small, file):
        file.write_bytes(content(small)[:-1])
        ledger.look()
        assert len(tally.partial) == 1

    def test_an_output_that_is_gone(self, ledger, tally, small, file):
        file.write_bytes(content(small))
        ledger.look()
        file.unlink()
        ledger.look()
        assert tally.lost == [small.task_id]

    def test_an_output_that_never_came(self, ledger, tally, small):
        ledger.conclude("0 1")
        assert tally.lost == [small.task_id]

    def test_litter(self, ledger, tally, file):
        file.with_name(".alexflow-tmp-1").touch()
        ledger.settle()
        assert tally.litter == [".alexflow-tmp-1"]

    def test_a_published_task_that_runs_again(self, ledger, tally, small, file):
        self.start(small, pid=2)
        file.write_bytes(content(small))
        ledger.settle()
        self.start(small, pid=3, again=True)
        ledger.look()
        assert len(tally.needless) == 1

    def test_a_task_that_runs_again_without_reason(self, ledger, tally, small):
        self.start(small, pid=2)
        self.start(small, pid=3)
        ledger.look()
        assert len(tally.wrong) == 1

    def test_but_not_a_task_that_was_in_flight(self, ledger, tally, small, file):
        self.start(small, pid=2)
        ledger.settle()
        self.start(small, pid=3)
        ledger.note_killed([3])
        ledger.look()
        self.start(small, pid=4)
        file.write_bytes(content(small))
        ledger.conclude("0 1")
        assert (tally.twice, tally.in_flight, tally.faults) == (2, 2, [])

    def test_a_run_that_finds_less_than_all(self, ledger, tally, small, file):
        file.write_bytes(content(small))
        ledger.conclude("1 0")
        assert len(tally.wrong) == 1
