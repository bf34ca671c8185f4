"""Storages made of others: what each adds to the conformance that it shares with all."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from typing import Any

import pytest

import alexflow
from alexflow import BinaryOutput, LocalStorage, MemoryStorage, Task
from alexflow.errors import InvalidKey, OutputNotFound, ReadOnlyAccess, UnknownStorage
from alexflow.record import Record
from alexflow.storage import CacheStorage, OverlayStorage, PrefixStorage


@dataclass(frozen=True)
class Number(Task):
    number: int

    def output(self):
        return self.build_output(BinaryOutput[int], key="number.pkl")

    def run(self, input, output):
        output.store(self.number)


@dataclass(frozen=True)
class Sum(Task):
    parts: Any

    def input(self):
        return self.parts

    def output(self):
        return self.build_output(BinaryOutput[int], key="sum.pkl")

    def run(self, input, output):
        output.store(sum(part.load() for part in input))


def total(upto: int) -> Sum:
    return Sum([Number(number).output() for number in range(upto)])


@pytest.fixture
def local(tmp_path):
    def make(name):
        storage = LocalStorage(tmp_path / name)
        storage.prepare()
        return storage

    return make


class Counting(MemoryStorage):
    """Counts how often it is read."""

    def __init__(self):
        super().__init__()
        self.reads = 0

    def __repr__(self):
        return "Counting()"

    def read(self, key):
        self.reads += 1
        return super().read(key)


# -- prefix


def test_two_prefixes_do_not_see_each_other(local):
    storage = local("shared")
    one, other = PrefixStorage(storage, "one"), PrefixStorage(storage, "other/")
    one.write("key", b"1")
    other.write("key", b"2")
    assert (one.read("key"), other.read("key")) == (b"1", b"2")
    assert sorted(storage.list()) == ["one/key", "other/key"]
    one.remove_many(["key"])
    assert other.exists_many(["key"]) == {"key"}
    with pytest.raises(OutputNotFound) as missing:
        one.read("key")
    assert missing.value.key == "key"


@pytest.mark.parametrize("prefix", ["", "/absolute", "../up", "a/../b"])
def test_a_prefix_that_could_lead_elsewhere_is_refused(local, prefix):
    with pytest.raises(InvalidKey):
        PrefixStorage(local("shared"), prefix)


def test_a_workflow_below_a_prefix(local):
    storage = local("shared")
    below = PrefixStorage(storage, "team/mine")
    result = alexflow.run(total(3), storage=below, workers=2, progress=False)
    assert result.output.load() == 3
    assert all(key.startswith("team/mine/") for key in storage.list())
    assert alexflow.run(total(3), storage=below, progress=False).ran == 0
    assert below.verify().good == 4


# -- overlay


def test_what_the_base_has_is_not_computed_again_and_the_base_is_never_written_to(local):
    base, own = local("base"), local("own")
    alexflow.run(total(2), storage=base, progress=False)
    before = {key: os.stat(base.path_of(key)).st_mtime_ns for key in base.list()}

    overlay = OverlayStorage(base, own)
    result = alexflow.run(total(4), storage=overlay, workers=2, progress=False)
    assert result.output.load() == 6
    assert (result.ran, result.cached) == (3, 2)
    assert {key: os.stat(base.path_of(key)).st_mtime_ns for key in base.list()} == before
    assert len(list(own.list())) == 3
    assert len(list(overlay.list())) == 6


def test_what_is_computed_again_covers_the_base(local):
    base, own = local("base"), local("own")
    overlay = OverlayStorage(base, own)
    base.write("key", b"base")
    assert not overlay.write("key", b"own")
    assert overlay.read("key") == b"base"
    assert overlay.write("key", b"own", replace=True)
    assert overlay.read("key") == b"own"
    assert base.read("key") == b"base"


def test_what_is_in_the_base_cannot_be_removed(local):
    base, own = local("base"), local("own")
    overlay = OverlayStorage(base, own)
    base.write("theirs", b"1")
    own.write("ours", b"2")
    with pytest.raises(ReadOnlyAccess, match="'theirs'") as refused:
        overlay.remove_many(["ours", "theirs"])
    assert refused.value.keys == ("theirs",)
    assert overlay.exists_many(["ours", "theirs"]) == {"theirs"}


def test_a_base_that_is_not_there_is_a_typing_error(local, tmp_path):
    with pytest.raises(UnknownStorage, match="nowhere"):
        OverlayStorage(LocalStorage(tmp_path / "nowhere"), local("own")).prepare()


# -- cache


def test_what_was_read_is_not_read_again(tmp_path):
    storage = Counting()
    cache = CacheStorage(storage, tmp_path / "copies")
    cache.prepare()
    storage.write("key", b"content")
    assert [cache.read("key"), cache.read("key")] == [b"content"] * 2
    assert storage.reads == 1
    cache.write("made", b"here")
    assert cache.read("made") == b"here"
    assert storage.reads == 1
    with cache.reader("key") as reader:
        assert reader.read() == b"content"


def test_what_exists_is_asked_of_the_storage_itself(tmp_path):
    storage = Counting()
    cache = CacheStorage(storage, tmp_path / "copies")
    cache.write("key", b"content")
    storage.remove_many(["key"])
    assert cache.exists_many(["key"]) == set()


def test_what_is_replaced_or_removed_has_no_old_copy(tmp_path):
    cache = CacheStorage(MemoryStorage(), tmp_path / "copies")
    cache.write("key", b"old")
    cache.write("key", b"new", replace=True)
    assert cache.read("key") == b"new"
    cache.remove_many(["key"])
    with pytest.raises(OutputNotFound):
        cache.read("key")


def test_a_damaged_copy_is_not_given_to_anybody(tmp_path):
    storage = Counting()
    cache = CacheStorage(storage, tmp_path / "copies")
    cache.write("key", b"content")
    with open(cache.local_path("key"), "r+b") as file:
        file.write(b"X")
    assert cache.read("key") == b"content"
    assert storage.reads == 1


def test_copies_take_no_more_room_than_they_may_and_the_latest_used_stay(tmp_path):
    directory = tmp_path / "copies"
    cache = CacheStorage(MemoryStorage(), directory, max_bytes=100_000)
    cache.write("dear", bytes(1_000))
    for number in range(300):
        cache.write(f"key-{number}", bytes(1_000))
        cache.read("dear")
    taken = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    assert taken <= 107_000
    assert os.path.exists(cache._copies.path_of(cache._copy_of("dear")))
    assert not os.path.exists(cache._copies.path_of(cache._copy_of("key-0")))
    assert cache.read("key-0") == bytes(1_000)


def test_what_is_too_large_is_not_copied(tmp_path):
    cache = CacheStorage(MemoryStorage(), tmp_path / "copies", max_bytes=1_000)
    cache.write("large", bytes(2_000))
    assert cache.local_path("large") is None
    with cache.reader("large") as reader:
        assert len(reader.read()) == 2_000
    assert [file for file in (tmp_path / "copies").rglob("*") if file.is_file()] == []


def test_storages_that_share_a_directory_do_not_mix(tmp_path, local):
    one, other = (CacheStorage(local(name), tmp_path / "copies") for name in ("one", "other"))
    one.write("key", b"1")
    other.write("key", b"2")
    assert (one.read("key"), other.read("key")) == (b"1", b"2")


def test_where_no_copy_can_be_made_the_output_is_there_all_the_same(tmp_path):
    (tmp_path / "copies").write_text("a file")
    storage = MemoryStorage()
    storage.write("key", b"content")
    cache = CacheStorage(storage, tmp_path / "copies")
    assert cache.read("key") == b"content"


def test_a_workflow_with_copies_in_worker_processes(tmp_path, local):
    cache = CacheStorage(local("far"), tmp_path / "copies")
    assert pickle.loads(pickle.dumps(cache)) == cache
    result = alexflow.run(total(5), storage=cache, workers=2, progress=False)
    assert result.output.load() == 10
    assert alexflow.run(total(5), storage=cache, progress=False).ran == 0


@pytest.mark.parametrize(
    ("taker", "make"),
    [
        ("PrefixStorage", lambda storage: PrefixStorage("results", "a")),
        ("OverlayStorage", lambda storage: OverlayStorage(storage, "results")),
        ("CacheStorage", lambda storage: CacheStorage("results", "cache")),
        ("copy", lambda storage: alexflow.storage.copy(storage, "results")),
        ("copy", lambda storage: alexflow.storage.copy("results", storage, [])),
        ("Record", lambda storage: Record("results")),
    ],
)
def test_a_path_is_refused_where_a_storage_belongs(taker, make):
    with pytest.raises(UnknownStorage) as refused:
        make(MemoryStorage())
    assert str(refused.value) == (
        f"{taker} takes a storage, not 'results'; open_storage('results') makes one of a path or URL"
    )
