"""Data that no task made: known by its content, read where it lies, refused when it has changed."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec
import pytest
from anyio import to_thread

import alexflow
from alexflow import JSONOutput, LocalStorage, Retry, RunFailed, Task, source
from alexflow.errors import DefinitionError, ReadOnlyAccess, SourceChanged, SourceNotFound, StorageError
from alexflow.formats import TextOutput
from alexflow.sources import digest_cache
from alexflow.sources.location import _File


@dataclass(frozen=True)
class Length(Task):
    data: Any

    def input(self):
        return self.data

    def output(self):
        return self.build_output(JSONOutput[int], key="length.json")

    def run(self, input, output):
        output.store(len(input.load()))


@dataclass(frozen=True)
class LengthOnTheLoop(Length):
    async def run(self, input, output):
        async with input.aopen() as file:
            streamed = await file.read()
        assert streamed == await input.aload()
        await output.astore(len(streamed))


@dataclass(frozen=True)
class Names(Task):
    data: Any

    def input(self):
        return self.data

    def output(self):
        return self.build_output(JSONOutput[list[str]], key="names.json")

    def run(self, input, output):
        with input.path() as path:
            output.store(sorted(os.listdir(path)))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(b"1,2,3\n")
    return path


@pytest.fixture
def storage(tmp_path):
    return LocalStorage(tmp_path / "results")


def long_ago(path: Path) -> None:
    os.utime(path, ns=(1_600_000_000_000_000_000,) * 2)


# -- identity


def test_the_id_follows_from_the_content_and_nothing_else(data, tmp_path):
    copy = shutil.copy(data, tmp_path / "elsewhere.csv")
    assert Length(source(data)).task_id == Length(source(str(copy))).task_id == Length(source(f"file://{data}")).task_id
    assert source(data) == source(copy)
    before = Length(source(data)).task_id
    data.write_bytes(b"1,2,4\n")
    assert Length(source(data)).task_id != before


def test_a_directory_is_known_by_its_names_and_contents(tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "a").write_text("1")
    (tree / "sub" / "b").write_text("2")
    first = source(tree)
    assert source(shutil.copytree(tree, tmp_path / "copy")) == first
    (tree / "sub" / "b").rename(tree / "sub" / "c")
    renamed = source(tree)
    assert renamed != first
    (tree / "sub" / "c").write_text("3")
    assert source(tree) not in (first, renamed)


@pytest.fixture
def tree(tmp_path):
    files = ["a.csv", "b.csv", "notes.txt", ".git/HEAD", "sub/c.csv", "sub/tmp/d.csv", "tmp/e.csv"]
    for name in files:
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(name)
    return tmp_path / "tree"


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ({"only": "*.csv"}, ["a.csv", "b.csv", "sub/c.csv", "sub/tmp/d.csv", "tmp/e.csv"]),
        ({"only": ["sub"]}, ["sub/c.csv", "sub/tmp/d.csv"]),
        ({"only": ("sub/*.csv", "a.*")}, ["a.csv", "sub/c.csv", "sub/tmp/d.csv"]),
        ({"ignore": [".git", "tmp"]}, ["a.csv", "b.csv", "notes.txt", "sub/c.csv"]),
        ({"ignore": "sub/tmp"}, [".git/HEAD", "a.csv", "b.csv", "notes.txt", "sub/c.csv", "tmp/e.csv"]),
        ({"only": "*.csv", "ignore": ["tmp", "b.csv"]}, ["a.csv", "sub/c.csv"]),
    ],
)
def test_patterns_choose_files_of_a_directory(tree, tmp_path, patterns, chosen):
    made = source(tree, **patterns)
    alone = tmp_path / "alone"
    for name in chosen:
        (alone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree / name, alone / name)
    assert made == source(alone)
    assert made != source(tree)
    for again in (alexflow.deserialize(alexflow.serialize(Length(made))).data, pickle.loads(pickle.dumps(made))):
        for name in {*(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())} - {*chosen}:
            (tree / name).write_text("others may change")
        with again.path() as path:
            assert path == tree
        (tree / chosen[0]).write_text("this one may not")
        with pytest.raises(SourceChanged), again.path():
            pass
        (tree / chosen[0]).write_text(chosen[0])


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        ({"only": "*.cvs"}, r"only=\['\*\.cvs'\]: that chooses no file of .*tree"),
        ({"ignore": "*"}, "chooses no file"),
        ({"only": 5}, r"only must be a pattern or a list of them, such as \['\*\.csv'\], not 5"),
        ({"ignore": [""]}, "ignore must be a pattern"),
    ],
)
def test_patterns_that_choose_nothing_are_refused(tree, patterns, message):
    with pytest.raises(DefinitionError, match=message):
        source(tree, **patterns)


def test_patterns_are_for_directories(tree):
    fsspec.filesystem("memory").pipe_file("/bucket/data", b"content")
    for url in (tree / "a.csv", "memory://bucket/data"):
        with pytest.raises(DefinitionError, match="only= and ignore=: patterns choose files of a directory"):
            source(url, only="*", ignore="b")


def test_there_has_to_be_something(tmp_path):
    for missing in (tmp_path / "missing", "memory://missing"):
        with pytest.raises(SourceNotFound, match="missing"):
            source(missing)


@pytest.mark.anyio
async def test_on_the_event_loop(data):
    made = await alexflow.asource(data)
    assert made == await to_thread.run_sync(source, data)
    assert await made.aload() == b"1,2,3\n"


# -- use


@pytest.mark.parametrize("cls", [Length, LengthOnTheLoop])
def test_it_is_an_input_like_others(data, storage, cls):
    result = alexflow.run(cls(source(data)), storage=storage, workers=2, progress=False)
    assert result.output.load() == 6
    assert result.ran == 1
    assert alexflow.run(cls(source(data)), storage=storage, progress=False).ran == 0
    data.write_bytes(b"1\n")
    result = alexflow.run(cls(source(data)), storage=storage, progress=False)
    assert (result.ran, result.output.load()) == (1, 2)


def test_a_directory_is_given_as_a_path(tmp_path, storage):
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_text("1")
    assert alexflow.run(Names(source(tree)), storage=storage, progress=False).output.load() == ["a"]
    with pytest.raises(StorageError, match="is a directory; use path"):
        source(tree).load()


def test_a_format_makes_a_value(data, storage):
    text = source(data, TextOutput)
    assert text.load() == "1,2,3\n"
    assert source(data).load() == b"1,2,3\n"
    assert alexflow.run(Length(text), storage=storage, progress=False).output.load() == 6


def test_what_lies_behind_a_url(storage):
    fsspec.filesystem("memory").pipe_file("/bucket/data", b"content")
    made = source("memory://bucket/data")
    assert made.load() == b"content"
    with made.path() as path:
        assert path.read_bytes() == b"content"
    result = alexflow.run(Length(made), storage=storage, executor="thread", progress=False)
    assert result.output.load() == 7
    fsspec.filesystem("memory").pipe_file("/bucket/data", b"CONTENT")
    with pytest.raises(SourceChanged, match="memory://bucket/data"):
        made.load()


@pytest.mark.parametrize("url", ["", None, 5, b"rows.csv", ["rows.csv"]])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(DefinitionError, match="the url of a source must be a path or a URL, not "):
        source(url)


@pytest.mark.parametrize("format", ["json", 5, dict])
def test_what_is_no_format_is_refused(data, format):
    with pytest.raises(DefinitionError, match="the format of a source must be a class of outputs"):
        source(data, format)


def test_an_option_that_has_no_effect_is_refused(data):
    with pytest.raises(DefinitionError, match=r"takes no ingore=: of a directory only= and ignore= choose files"):
        source(data.parent, ingore="*.tmp")


def test_a_server_that_does_not_answer_is_not_taken_for_missing_data():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(StorageError, match="cannot read the source http://") as failed:
            source(f"http://127.0.0.1:{unused.getsockname()[1]}/rows.csv")
    assert not isinstance(failed.value, SourceNotFound)


def test_a_link_that_leads_nowhere_is_told(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(StorageError, match=r"cannot read the source .*loop: Too many levels"):
        source(tmp_path / "loop")


def test_it_is_only_read(data):
    with pytest.raises(ReadOnlyAccess):
        source(data).store(b"x")
    with pytest.raises(ReadOnlyAccess), source(data).path("w") as path:  # raised when it is left
        path.write_bytes(b"x")
    assert data.read_bytes() == b"1,2,3\n"


def test_documents_and_copies_keep_it(data):
    task = Length(source(data))
    assert alexflow.deserialize(alexflow.serialize(task)) == task
    again = pickle.loads(pickle.dumps(source(data)))
    assert again == source(data)
    assert again.load() == b"1,2,3\n"


def test_options_are_neither_shown_nor_part_of_the_id(data):
    fsspec.filesystem("memory").pipe_file("/bucket/data", b"content")
    made = source("memory://bucket/data", skip_instance_cache=True)
    assert "skip_instance_cache" not in repr(Length(made))
    assert made == source("memory://bucket/data")


# -- change


@pytest.mark.parametrize("cls", [Length, LengthOnTheLoop])
def test_what_changed_since_the_graph_was_built_fails_the_task_once(data, storage, cls):
    task = cls(source(data))
    data.write_bytes(b"other content\n")
    with pytest.raises(RunFailed) as failed:
        alexflow.run(task, storage=storage, retry=Retry(3, delay=0), progress=False)
    (error,) = failed.value.exceptions
    assert error.attempts == 1
    assert isinstance(error.__cause__, SourceChanged)
    assert str(data) in str(error)
    assert not task.output().assign_storage(storage).exists()


@pytest.mark.parametrize("read", ["load", "open", "path"])
def test_every_way_of_reading_notices(data, read):
    made = source(data)
    data.write_bytes(b"1,2,4\n")  # as long as before
    with pytest.raises(SourceChanged):  # noqa: PT012  # one of three
        if read == "load":
            made.load()
        elif read == "open":
            made.open()
        else:
            with made.path():
                pass


def test_what_changes_while_it_is_read_is_noticed_at_the_end(data):
    with pytest.raises(SourceChanged), source(data).open() as file:  # noqa: PT012  # raised when it is left
        file.read(1)
        data.write_bytes(b"4,5,6\n")


def test_what_was_only_touched_has_not_changed(data):
    made = source(data)
    long_ago(data)
    with made.open() as file:
        assert file.read() == b"1,2,3\n"


def test_what_has_gone_is_told(data):
    made = source(data)
    data.unlink()
    with pytest.raises(SourceNotFound, match="data"):
        made.load()


# -- remembering


def test_a_digest_is_computed_once(data, monkeypatch):
    long_ago(data)
    first = source(data)
    monkeypatch.setattr(_File, "read_digest", lambda location: pytest.fail("it is read again"))
    assert source(data) == first


def test_what_was_changed_just_now_is_read_again(data):
    first = source(data)
    status = data.stat()
    data.write_bytes(b"1,2,9\n")
    os.utime(data, ns=(status.st_atime_ns, status.st_mtime_ns))  # within one tick of a coarse clock
    assert source(data) != first


def test_a_cache_that_cannot_be_used_is_no_failure(data, cache):
    cache.write_text("a file")
    long_ago(data)
    assert source(data) == source(data)


def test_a_torn_entry_is_not_believed(data, cache):
    long_ago(data)
    first = source(data)
    (entry,) = (cache / "alexflow" / "sources").iterdir()
    entry.write_bytes(entry.read_bytes()[:-5])
    assert source(data) == first
    assert digest_cache._read(entry) is not None


def test_a_format_that_does_more_at_construction(tmp_path):
    @dataclass(frozen=True)
    class Suffixed(TextOutput):
        def __post_init__(self):
            super().__post_init__()
            object.__setattr__(self, "suffix", "!")

        def decode(self, data):
            return super().decode(data) + self.suffix

    (tmp_path / "words.txt").write_text("read")
    assert source(tmp_path / "words.txt", Suffixed).load() == "read!"
