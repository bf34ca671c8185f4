"""Outputs that a task stores while it runs are its own to read, and for no other task to see."""

import pytest

from alexflow import LocalStorage, MemoryStorage
from alexflow.errors import OutputNotFound
from alexflow.storage import Transaction
from alexflow.storage.local.read import MAX_INLINE_BYTES


@pytest.fixture(params=["local", "memory"])
def below(request, tmp_path):
    return LocalStorage(tmp_path) if request.param == "local" else MemoryStorage()


@pytest.mark.parametrize("size", [1, MAX_INLINE_BYTES + 1])
def test_only_the_task_itself_sees_it(below, size):
    transaction = Transaction(below)
    transaction.write("a", b"1" * size)
    assert transaction.read("a") == b"1" * size
    assert transaction.size("a") == size
    assert "a" in transaction.staged
    assert transaction.exists_many(["a", "b"]) == {"a"}
    assert list(transaction.list()) == ["a"]
    assert below.exists_many(["a"]) == set()
    transaction.publish_all()
    assert below.read("a") == b"1" * size
    assert "a" not in transaction.staged
    assert transaction.read("a") == b"1" * size


def test_what_was_there_before_is_seen_too(below):
    below.write("old", b"1")
    transaction = Transaction(below)
    transaction.write("new", b"2")
    assert transaction.exists_many(["old", "new", "none"]) == {"old", "new"}
    assert sorted(transaction.list()) == ["new", "old"]
    assert transaction.read("old") == b"1"
    with pytest.raises(OutputNotFound):
        transaction.read("none")


@pytest.mark.parametrize("size", [1, MAX_INLINE_BYTES + 1])
def test_within_a_task_the_last_value_counts(below, size):
    transaction = Transaction(below)
    transaction.write("a", b"1" * size)
    transaction.write("a", b"2" * size)
    transaction.publish_all()
    assert below.read("a") == b"2" * size


@pytest.mark.parametrize(("replace", "kept"), [(False, b"theirs"), (True, b"ours")])
def test_somebody_was_first(below, replace, kept):
    transaction = Transaction(below, replace=replace)
    transaction.write("a", b"ours")
    below.write("a", b"theirs")
    assert transaction.read("a") == b"ours"
    transaction.publish_all()
    assert below.read("a") == kept


@pytest.mark.parametrize("size", [1, MAX_INLINE_BYTES + 1])
def test_a_task_that_failed_has_published_nothing(below, size):
    transaction = Transaction(below)
    transaction.write("a", b"1" * size)
    transaction.write("b", b"2" * size)
    transaction.discard_all()
    transaction.publish_all()
    assert list(below.list()) == []


def test_removing_takes_back_what_was_staged(below):
    below.write("old", b"1")
    transaction = Transaction(below)
    transaction.write("new", b"2")
    transaction.remove_many(["old", "new"])
    transaction.publish_all()
    assert list(below.list()) == []


@pytest.mark.anyio
@pytest.mark.parametrize("size", [1, MAX_INLINE_BYTES + 1])
async def test_on_the_event_loop(below, size):
    await below.awrite("old", b"1")
    transaction = Transaction(below)
    await transaction.awrite("a", b"1" * size)
    await transaction.awrite("a", b"2" * size)
    assert await transaction.aread("a") == b"2" * size
    assert await transaction.asize("a") == size
    assert await transaction.aexists_many(["a", "old", "none"]) == {"a", "old"}
    assert sorted([key async for key in transaction.alist()]) == ["a", "old"]
    assert await below.aexists_many(["a"]) == set()
    await transaction.apublish_all()
    assert await below.aread("a") == b"2" * size
    await transaction.awrite("b", b"3" * size)
    await transaction.adiscard_all()
    await transaction.aremove_many(["old"])
    assert [key async for key in below.alist()] == ["a"]


def test_it_knows_what_is_below(below):
    assert repr(below) in repr(Transaction(below))
    assert Transaction(below).case_sensitive is below.case_sensitive
