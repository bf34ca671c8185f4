"""A part of a directory may be on another disk, by a symbolic link to it."""

import os
import tempfile

import pytest

from alexflow import LocalStorage
from alexflow.storage import copy


@pytest.fixture(params=["disk", "other-disk"])
def storage(request, tmp_path):
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    if request.param == "disk":
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "storage" / "part").symlink_to(tmp_path / "elsewhere")
        yield storage
        return
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("this machine has no second disk")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        (tmp_path / "storage" / "part").symlink_to(elsewhere)
        yield storage


def test_its_outputs_are_listed_verified_and_copied(storage, tmp_path):
    storage.write("part/deep/a.json", b"1")
    storage.write("b.json", b"2")
    assert sorted(storage.list()) == ["b.json", "part/deep/a.json"]
    assert list(storage.list("part/")) == ["part/deep/a.json"]
    assert storage.verify().good == 2
    assert copy(storage, LocalStorage(tmp_path / "copy")).copied == 2


def test_its_outputs_are_replaced(storage):
    assert storage.write("part/a.json", b"1")
    assert not storage.write("part/a.json", b"2")
    assert storage.write("part/a.json", b"3", replace=True)
    assert storage.write("part/new.json", b"4", replace=True)
    assert (storage.read("part/a.json"), storage.read("part/new.json")) == (b"3", b"4")
    assert storage.verify().good == 2


def test_what_is_damaged_is_moved_to_the_quarantine(storage):
    storage.write("part/a.json", b"1")
    with open(storage.path_of("part/a.json"), "wb") as file:
        file.write(b"??")
    (damaged,) = storage.verify().damaged
    with open(damaged.moved_to, "rb") as kept:
        assert kept.read() == b"??"
    assert list(storage.list()) == []


@pytest.mark.parametrize("target", ["storage", "storage/deep", ".", "none"])
def test_links_that_lead_to_what_is_listed_already_or_nowhere_are_left_out(tmp_path, target):
    storage = LocalStorage(tmp_path / "storage")
    storage.write("deep/a.json", b"1")
    (tmp_path / "storage" / "deep" / "link").symlink_to(tmp_path / target)
    assert list(storage.list()) == ["deep/a.json"]
    assert storage.verify().ok


def test_links_that_lead_round_in_a_circle_end(tmp_path):
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    for name, other in (("first", "second"), ("second", "first")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "on").symlink_to(tmp_path / other)
    (tmp_path / "storage" / "part").symlink_to(tmp_path / "first")
    storage.write("part/a.json", b"1")
    storage.write("part/on/b.json", b"2")
    assert sorted(storage.list()) == ["part/a.json", "part/on/b.json"]
