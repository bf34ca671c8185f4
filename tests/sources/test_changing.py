"""A source that changes while it is read is noticed when the block is left, however it was read."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import alexflow
from alexflow import JSONOutput, LocalStorage, RunFailed, Task, source
from alexflow.errors import SourceChanged, SourceNotFound, StorageError
from alexflow.storage import CacheStorage


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "remembered"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_bytes(b"aaaa")
    return path


def rewrite(path: Path) -> None:
    """As many bytes, at once: its size, its file and perhaps its time stay."""
    status = path.stat()
    path.write_bytes(b"bbbb")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace(path: Path) -> None:
    path.with_suffix(".new").write_bytes(b"bbbb")
    path.with_suffix(".new").replace(path)


def spoil(path: Path) -> None:
    replace(path)
    raise ValueError("half of a table")


def read_and(change: Callable[[Path], None], path: Path) -> None:
    assert path.read_bytes() == b"aaaa"
    change(path)


CHANGES: list[Callable[[Path], None]] = [rewrite, replace, lambda path: path.write_bytes(b"more than before")]


@pytest.mark.parametrize("change", CHANGES)
def test_a_path_is_looked_at_when_it_is_left(data, change):
    made = source(data)
    with pytest.raises(SourceChanged, match=r"data\.csv has changed"), made.path() as path:
        read_and(change, path)


@pytest.mark.parametrize("change", CHANGES)
def test_a_stream_is_looked_at_when_it_is_closed(data, change):
    made = source(data)
    with pytest.raises(SourceChanged), made.open():
        read_and(change, data)


@pytest.mark.anyio
async def test_on_the_event_loop(data):
    made = await alexflow.asource(data)
    with pytest.raises(SourceChanged):
        async with made.apath() as path:
            rewrite(Path(path))


def test_what_has_gone_is_told_when_it_is_left(data):
    made = source(data)
    with pytest.raises(SourceNotFound), made.path():
        data.unlink()


def test_what_is_as_it_was_is_left_in_peace(data):
    with source(data).path() as path:
        os.utime(path)
    assert path == data


def test_an_error_in_the_block_is_told_as_what_caused_it(data):
    made = source(data)
    with pytest.raises(SourceChanged) as caught, made.path() as path:
        read_and(spoil, path)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(ValueError, match="of the block's own"), source(data).path():
        raise ValueError("of the block's own")


def test_a_directory_is_looked_at_when_it_is_left(tmp_path):
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "a").write_bytes(b"aaaa")
    changes: list[Callable[[], Any]] = [
        lambda: rewrite(tree / "below" / "a"),
        lambda: (tree / "below" / "b").write_bytes(b"new"),
        lambda: (tree / "below" / "b").unlink(),
    ]
    for change in changes:
        made = source(tree)
        with pytest.raises(SourceChanged), made.path():
            change()
    with source(tree).path() as path:
        assert path == tree


def test_files_behind_links_belong_to_a_directory(tmp_path):
    tree, elsewhere = tmp_path / "tree", tmp_path / "elsewhere"
    tree.mkdir()
    elsewhere.mkdir()
    (elsewhere / "a").write_bytes(b"aaaa")
    (tree / "link").symlink_to(elsewhere)
    made = source(tree)
    (elsewhere / "a").write_bytes(b"others")
    assert source(tree) != made
    (elsewhere / "up").symlink_to(tree)
    with pytest.raises(StorageError, match=r"the source has no end; remove the link"):
        source(tree)


def test_what_has_no_content_of_its_own_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for url in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(StorageError, match="is not a file; a pipe, a socket or a device has no content of its own"):
            source(url)


class Terse(MemoryFileSystem):  # type: ignore[misc]  # it has no types
    """Tells of its objects nothing but their size."""

    protocol = "terse"
    store: dict[str, Any] = {}  # noqa: RUF012  # as its base has it
    pseudo_dirs = [""]  # noqa: RUF012

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        return {
            name: value for name, value in super().info(path, **options).items() if name in ("name", "size", "type")
        }


def test_a_place_that_tells_only_sizes_is_read_again():
    fsspec.register_implementation("terse", Terse, clobber=True)
    system = fsspec.filesystem("terse")
    system.pipe_file("terse://x", b"aaaa")
    first = source("terse://x")
    with pytest.raises(SourceChanged), first.open():
        system.pipe_file("terse://x", b"bbbb")
    assert source("terse://x") != first  # its digest is not taken from the size


@dataclass(frozen=True)
class Reading(Task):
    data: Any
    change: bool = False

    def input(self) -> Any:
        return self.data

    def output(self) -> Any:
        return self.build_output(JSONOutput[str], key="read.json")

    def run(self, input: Any, output: Any) -> None:
        with input.path() as path:
            output.store(path.read_text())
            if self.change:
                path.with_name("new").write_bytes(b"bbbb")
                path.with_name("new").replace(path)


def test_a_task_that_read_what_changed_fails_once_and_stores_nothing(data, tmp_path):
    task = Reading(source(data), True)
    storage = CacheStorage(LocalStorage(str(tmp_path / "results")), str(tmp_path / "cache"))
    with pytest.raises(RunFailed) as caught:
        alexflow.run(task, storage=storage, workers=1, retry=alexflow.Retry(3), echo=False)
    assert "SourceChanged" in str(caught.value.exceptions[0])
    assert caught.value.exceptions[0].attempts == 1
    assert not task.output().assign_storage(storage).exists()
    assert alexflow.run(Reading(source(data)), storage=storage, workers=1, echo=False).output.load() == "bbbb"
