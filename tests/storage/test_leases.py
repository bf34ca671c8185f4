"""Leases on a directory: several engines' in one process, and a clock that the test moves.

What holds for all forms of leases is in test_leases_conformance.py.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from alexflow.storage.leases import NoLeases
from alexflow.storage.liveness import FailureDetector
from alexflow.storage.local.leases import LocalLeases
from alexflow.storage.local.lock_file import (
    AVAILABLE,
    LEASES_FILE,
    is_held_by_others,
    parts_held_by_others,
    release_range,
    take_range,
)
from alexflow.storage.local.seat import Seats

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not AVAILABLE, reason="the system has no such locks")]

TTL = 30.0


class Clock:
    """Seconds, as the test says."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["a process each", "one process"])
async def engine(request, tmp_path, clock):
    """Leases of one engine more."""
    made = []
    shared = Seats()

    def make():
        made.append(LocalLeases(str(tmp_path), TTL, clock, shared if request.param == "one process" else Seats()))
        return made[-1]

    yield make
    for leases in made:
        await leases.leave()
    assert not (tmp_path / LEASES_FILE).exists()


def wanted(*keys):
    return {key.upper(): [key] for key in keys}


async def test_one_that_shows_no_sign_of_life_is_passed_over(engine, clock):
    stopped, two, three = engine(), engine(), engine()
    await stopped.join()
    for other in (two, three):
        await other.join()
    assert await two.take(wanted("a")) == set()
    for _ in range(3):
        assert await two.take(wanted("a")) == set()
        clock.now += TTL / 3
        await three.renew()
    assert await two.take(wanted("a")) == {"A"}
    assert await three.take(wanted("a")) == set()  # two is alive

    assert await stopped.renew()  # too late, and it is told so
    assert not await stopped.renew()
    assert await two.take(wanted("b")) == set()  # it is there again, and holds the rest
    assert await stopped.held_by_peers(wanted("a")) == {"A"}


async def test_what_is_read_of_a_seat_is_not_an_old_sign(engine, clock, tmp_path):
    """A new engine in the seat of one that was passed over is not taken for it."""
    one, two, three = engine(), engine(), engine()
    await one.join()
    await two.join()
    for _ in range(4):
        await two.take(wanted("a"))
        clock.now += TTL
    assert await two.take(wanted("a")) == {"A"}
    two.release(["a"])
    await one.leave()
    await three.join()
    await three.keep_only(["a"])
    await three.take(wanted("a"))
    assert await two.take(wanted("a")) == set()


def test_patience_does_not_wear_out_while_the_observer_is_away(clock):
    patience = FailureDetector(TTL, clock)
    assert not patience.is_lost(1, b"sign")
    clock.now += 3600
    assert not patience.is_lost(1, b"sign")  # the other one may have been stopped with it
    assert not patience.is_lost(1, b"new sign")
    for _ in range(2):
        clock.now += 3600
        assert not patience.is_lost(1, b"new sign")
    clock.now += 3600
    assert patience.is_lost(1, b"new sign")
    assert not patience.is_lost(2, b"new sign")


async def test_no_seat_is_left(engine, tmp_path, monkeypatch):
    monkeypatch.setattr("alexflow.storage.local.leases._RETRY", 0)
    fd = os.open(tmp_path / LEASES_FILE, os.O_RDWR | os.O_CREAT)
    try:
        take_range(fd, 0, 1 << 62)
        with pytest.raises(OSError, match=LEASES_FILE):
            await engine().join()
    finally:
        os.close(fd)
    last = engine()
    await last.join()
    assert last.everything


async def test_a_file_that_was_removed_meanwhile_is_not_sat_at(clock, tmp_path):
    one, two = (LocalLeases(str(tmp_path), TTL, clock, Seats()) for _ in range(2))
    await one.join()
    (tmp_path / LEASES_FILE).unlink()
    await two.join()
    assert (tmp_path / LEASES_FILE).exists()
    await one.leave()  # not what is not its own
    assert (tmp_path / LEASES_FILE).exists()
    await two.leave()
    assert not (tmp_path / LEASES_FILE).exists()


def test_ranges_that_others_hold(tmp_path):
    one, two = (os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT) for _ in range(2))
    try:
        for byte in (30, 10, 20, 21):
            assert take_range(one, byte)
        assert not take_range(two, 5, 10)
        assert sorted(parts_held_by_others(two, 1, 100)) == [10, 20, 21, 30]
        assert sorted(parts_held_by_others(two, 10, 3)) == [1, 2]
        assert list(parts_held_by_others(one, 1, 100)) == []
        release_range(one, 20)
        assert (is_held_by_others(two, 20), is_held_by_others(two, 21)) == (False, True)
        assert take_range(two, 11, 10)
    finally:
        os.close(one)
        os.close(two)


@pytest.mark.parametrize(("directory", "file"), [(0o755, 0o644), (0o2775, 0o664), (0o777, 0o666), (0o700, 0o644)])
async def test_the_file_is_open_to_all_to_whom_the_directory_is(tmp_path, clock, directory, file):
    place = tmp_path / "shared"
    place.mkdir()
    os.chown(place, -1, os.getgroups()[0] if os.getgroups() else -1)
    place.chmod(directory)
    before = os.umask(0o022)
    try:
        leases = LocalLeases(str(place), TTL, clock, Seats())
        await leases.join()
        status = (place / LEASES_FILE).stat()
        assert stat.S_IMODE(status.st_mode) == file
        if directory & stat.S_ISGID:
            assert status.st_gid == place.stat().st_gid
    finally:
        os.umask(before)
        await leases.leave()


async def test_a_symbolic_link_is_not_followed(tmp_path, clock):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / LEASES_FILE).symlink_to(victim)
    leases = LocalLeases(str(tmp_path), TTL, clock, Seats())
    with pytest.raises(NoLeases, match=r"symbolic link.*remove it.*\.alexflow-leases"):
        await leases.join()
    await leases.leave()
    assert victim.read_bytes() == b"precious"
    assert (tmp_path / LEASES_FILE).is_symlink()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
async def test_what_is_no_plain_file_gives_no_leases(tmp_path, clock, make):
    make(tmp_path / LEASES_FILE)
    leases = LocalLeases(str(tmp_path), TTL, clock, Seats())
    with pytest.raises(NoLeases, match=LEASES_FILE):
        await leases.join()
    await leases.leave()


AS_ANOTHER_USER = """
import os, sys, alexflow
from tests.faults.workflows import NumberInThread
alexflow.run(NumberInThread(1), storage=sys.argv[2])  # loads what it needs while it may
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
alexflow.run(NumberInThread(1), storage=sys.argv[1])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_users_file_is_told_with_the_remedy(tmp_path):
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        place = f"{directory}/shared"
        os.mkdir(place)
        os.chmod(place, 0o777)
        Path(place, LEASES_FILE).touch(0o644)
        done = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER_USER, place, f"{tmp_path}/own"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert "there are no leases, so other engines may do the same work" in done.stderr
    assert "chmod g+rw" in done.stderr
