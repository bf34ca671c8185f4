"""43: a key that leads elsewhere, at any public method of any storage: InvalidKey, before the disk is touched."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from alexflow import LocalStorage, MemoryStorage, Storage, open_storage
from alexflow.errors import InvalidKey, OutputNotFound
from alexflow.storage import CacheStorage, OverlayStorage, PrefixStorage, RemoteStorage, Staged, acopy, copy
from alexflow.storage.copying import acopy_object, copy_object

BAD_KEYS = [
    *["..", "../outside", "a/../../outside", "a/..", "./a", ".", "a/./b", "a//b", "a/", "/", "/etc/hostname", "//a"],
    *["..\\outside", "a\\b", "C:\\a", "c:a", "a\0b", "\0", "", ".alexflow", ".alexflow/staging/x", ".AlexFlow/x"],
    *["x" * 256, "a/" + "é" * 128, "\ud800"],
    *["a/" * 2000 + "b", "a/" * 255 + "b", "/".join(["x" * 200] * 21), "/".join(["é" * 100] * 21)],
]
NO_TEXTS = [None, 7, b"key", Path("key"), ["key"]]

#: How keys may begin although none may be so.
PREFIXES = {"", "a/"}


class Own(Storage):
    """A user's adapter, which checks nothing itself, and has a method more than others."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def rename(self, key: str, to: str) -> None:
        self.asked.append((key, to))

    def exists_many(self, keys: Sequence[str]) -> set[str]:
        self.asked.append(keys)
        return set()

    def read(self, name: str) -> bytes:  # the parameter has another name than in Storage
        self.asked.append(name)
        raise OutputNotFound(name, "here")

    def stage(self, key: str, data: bytes) -> Staged:
        self.asked.append(key)
        return Staged(key, len(data), data)

    def read_staged(self, staged: Staged) -> bytes:
        self.asked.append(staged)
        return b""

    def publish(self, staged: Staged, *, replace: bool = False) -> bool:
        self.asked.append(staged)
        return True

    def discard(self, staged: Staged) -> None:
        self.asked.append(staged)

    def remove_many(self, keys: Iterable[str]) -> None:
        self.asked.append(keys)

    def list(self, prefix: str = "") -> Iterator[str]:
        self.asked.append(prefix)
        return iter(())

    def size(self, key: str) -> int:
        self.asked.append(key)
        return 0

    def version(self, key: str) -> Any:
        self.asked.append(key)

    async def aexists_many(self, keys: Sequence[str]) -> set[str]:
        return self.exists_many(keys)

    async def aread(self, key: str) -> bytes:
        return self.read(key)

    async def astage(self, key: str, data: bytes) -> Staged:
        return self.stage(key, data)

    async def apublish(self, staged: Staged, *, replace: bool = False) -> bool:
        return self.publish(staged)

    async def adiscard(self, staged: Staged) -> None:
        self.discard(staged)

    async def aremove_many(self, keys: Iterable[str]) -> None:
        self.remove_many(keys)

    async def alist(self, prefix: str = "") -> AsyncIterator[str]:
        for key in self.list(prefix):
            yield key

    async def asize(self, key: str) -> int:
        return self.size(key)

    async def aversion(self, key: str) -> Any:
        return self.version(key)


def local(root: Path) -> LocalStorage:
    storage = LocalStorage(root / "root")
    storage.prepare()
    return storage


def nowhere(root: Path) -> RemoteStorage:
    """A storage in which each question ends in another error than InvalidKey."""
    pytest.importorskip("s3fs")
    options = {"endpoint_url": "http://127.0.0.1:9", "key": "test", "secret": "test", "deadline": 1}
    return open_storage("s3://bucket/root", **options)


STORAGES = {
    "local": local,
    "local, checking": lambda root: local(root).checking(),
    "local, remembering": lambda root: local(root).with_read_cache(),
    "memory": lambda root: MemoryStorage(),
    "remote": nowhere,
    "overlay": lambda root: OverlayStorage(local(root), MemoryStorage()),
    "prefix": lambda root: PrefixStorage(local(root), "tenantA"),
    "cache": lambda root: CacheStorage(local(root), root / "copies"),
    "own": lambda root: Own(),
}

_VALUES = {"key": lambda key: key, "to": lambda key: key, "prefix": lambda key: key}
_VALUES |= {"keys": lambda key: ["good", key], "staged": lambda key: Staged(key, 1, b"x")}


#: What other parameters are given; all others are storages.
_OTHERS = {"data": b"x", "path": Path("nowhere"), "file": None, "name": "x"}


@pytest.fixture
def root(tmp_path):
    """A directory with something beside the storage's root, and what is in it."""
    (tmp_path / "outside").write_text("untouched")
    (tmp_path / "root" / "tenantB").mkdir(parents=True)
    (tmp_path / "root" / "tenantB" / "key").write_text("untouched")
    return tmp_path


def all_below(root: Path) -> list[tuple[str, int, int]]:
    paths = [os.path.join(directory, name) for directory, _, names in os.walk(root) for name in (*names, "")]
    return sorted((path, os.stat(path).st_mtime_ns, os.stat(path).st_size) for path in paths)


def with_keys(storage: Storage) -> dict[str, list[str]]:
    """The public methods that take keys, and their parameters that do."""
    found = {}
    for name in dir(type(storage)):
        if not name.startswith("_") and callable(method := getattr(type(storage), name)):
            parameters = [each for each in inspect.signature(method).parameters if each in _VALUES]
            if parameters or (name == "read"):
                found[name] = parameters or ["name"]
    return found


async def call(storage: Storage, name: str, wrong: str, value: Any, *, by_name: bool) -> Any:
    """Call a method with one wrong argument, to its end."""
    method = getattr(storage, name)
    arguments, named = [], {}
    for parameter in inspect.signature(method).parameters.values():
        if parameter.name == wrong:
            given = value
        elif parameter.name in _VALUES:
            given = _VALUES[parameter.name]("good")
        elif parameter.default is not inspect.Parameter.empty:
            continue
        else:
            given = _OTHERS.get(parameter.name, storage)
        if by_name or parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            named[parameter.name] = given
        else:
            arguments.append(given)
    return await to_its_end(method, arguments, named)


async def to_its_end(method: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
    outcome = method(*arguments, **named)
    if inspect.isawaitable(outcome):
        return await outcome
    if isinstance(outcome, AsyncIterator):
        return [each async for each in outcome]
    if hasattr(outcome, "__aenter__"):
        async with outcome as value:
            return value
    if isinstance(outcome, Iterator):
        return list(outcome)
    return outcome


@pytest.mark.parametrize("kind", STORAGES)
def test_every_method(kind, root):
    storage = STORAGES[kind](root)
    before = all_below(root)
    asyncio.run(call_every_method(storage))
    assert all_below(root) == before
    if isinstance(storage, Own):
        assert storage.asked == []


async def call_every_method(storage):
    methods = with_keys(storage)
    assert {"read", "write", "exists_many", "size", "path", "remove_many", "verify", "list", "areader"} <= set(methods)
    assert len(methods) >= 35
    for name, parameters in methods.items():
        for wrong in parameters:
            for key in BAD_KEYS:
                if wrong == "prefix" and key in PREFIXES:
                    continue
                for by_name in (False, True):
                    with pytest.raises(InvalidKey):
                        await call(storage, name, wrong, _VALUES.get(wrong, str)(key), by_name=by_name)


@pytest.mark.parametrize("kind", STORAGES)
@pytest.mark.parametrize("key", NO_TEXTS, ids=repr)
def test_what_is_no_text(kind, root, key):
    asyncio.run(call_with_no_text(kind, STORAGES[kind](root), key))


async def call_with_no_text(kind, storage, key):
    for name in ("read", "write", "size", "stage", "path", "reader", "aread", "asize", "awrite"):
        with pytest.raises((InvalidKey, TypeError)):
            await call(storage, name, "name" if kind == "own" and name == "read" else "key", key, by_name=False)
    with pytest.raises((InvalidKey, TypeError)):
        storage.exists_many(["good", key])


def test_one_tenant_does_not_reach_another(root):
    storage = local(root)
    tenant = PrefixStorage(storage, "tenantA")
    assert storage.read("tenantB/key") == b"untouched"
    for key in ("../tenantB/key", "x/../../tenantB/key", "/tenantB/key"):
        with pytest.raises(InvalidKey):
            tenant.read(key)
        with pytest.raises(InvalidKey):
            tenant.remove_many([key])
        with pytest.raises(InvalidKey):
            list(tenant.list(key))
    assert storage.read("tenantB/key") == b"untouched"
    for prefix in ("..", "../tenantB", "/etc", "a/../..", ""):
        with pytest.raises(InvalidKey):
            PrefixStorage(storage, prefix)


def test_among_many(root):
    """Many keys are checked together: each is found, wherever it stands."""
    storage = local(root)
    good = [f"a/key{n}" for n in range(50)]
    assert storage.exists_many(good) == set()
    for key in BAD_KEYS:
        for at in (0, 25, 50):
            keys = [*good[:at], key, *good[at:]]
            with pytest.raises(InvalidKey):
                storage.exists_many(keys)
            with pytest.raises(InvalidKey):
                storage.remove_many(iter(keys))


@pytest.mark.parametrize("key", BAD_KEYS, ids=lambda key: ascii(key)[:40])
def test_copies(root, key):
    source, target = local(root), LocalStorage(root / "target")
    target.prepare()
    source.write("good", b"good")
    before = all_below(root)
    for begin in (
        lambda: copy(source, target, [key]),
        lambda: copy(source, target, iter(["good", key])),
        lambda: asyncio.run(acopy(source, target, [key])),
        lambda: copy_object(source, "good", target, key),
        lambda: copy_object(source, key, target, "x"),
        lambda: copy_object(PrefixStorage(source, "tenantA"), key, target, "x"),
        lambda: asyncio.run(acopy_object(source, "good", target, key)),
    ):
        with pytest.raises(InvalidKey):
            begin()
    assert all_below(root) == before


def test_what_others_put_there_is_not_listed(root):
    storage = local(root)
    for name in ("a\\b", "c:d"):
        (root / "root" / name).write_text("no output")
    (root / "root" / "tenantB" / ".alexflow").mkdir()
    (root / "root" / "tenantB" / ".alexflow" / "x").write_text("an output, seen from here")
    assert sorted(storage.list()) == ["tenantB/.alexflow/x", "tenantB/key"]
    assert list(PrefixStorage(storage, "tenantB").list()) == ["key"]
    found = PrefixStorage(storage, "tenantB").verify()
    assert (found.unrecorded, found.ok) == (1, True)


def test_the_deepest_and_the_longest_keys_that_there_may_be(tmp_path):
    for storage in (LocalStorage(tmp_path), MemoryStorage()):
        for key in ("a/" * 254 + "b", "/".join(["y" * 200] * 15)):
            storage.write(key, b"deep")
            assert storage.read(key) == b"deep"
            assert key in set(storage.list())
            with storage.writer(key.replace("y", "z") + "c") as file:
                file.write(b"too")
    for key, said in (("a/" * 255 + "b", "has more than 255 steps"), ("/".join(["x" * 200] * 21), "4,095 bytes")):
        with pytest.raises(InvalidKey, match=said):
            storage.write(key, b"")
