"""A directory as one object: there or not, and nothing of it outside of where it is unpacked."""

import asyncio
import gc
import io
import os
import stat
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import LocalStorage, Task
from alexflow.errors import DecodingError, EncodingError, OutputNotFound, StorageError
from alexflow.formats import Directory, DirectoryOutput
from alexflow.formats.directory import pack
from tests.formats.values import Made
from tests.kit.stored_files import stored_files

LARGE = b"weights" * 100_000


@dataclass(frozen=True)
class Trained(Task):
    breaks_off: bool = False

    def output(self) -> Any:
        return self.build_output(DirectoryOutput, "checkpoint")

    def run(self, input: None, output: DirectoryOutput) -> None:
        with output.path("w") as directory:
            fill(directory)
        assert output.exists()
        if self.breaks_off:
            raise ArithmeticError


def fill(directory: Path) -> None:
    (directory / "weights.bin").write_bytes(LARGE)
    (directory / "empty").mkdir()
    (directory / "a" / "b").mkdir(parents=True)
    (directory / "a" / "é.txt").write_text("é")
    (directory / "a" / "b" / "run.sh").write_text("#!/bin/sh\n")
    (directory / "a" / "b" / "run.sh").chmod(0o700)
    (directory / "latest").symlink_to("weights.bin")


def seen(directory: Path) -> dict[str, Any]:
    """Return its content: a file's bytes and whether it may be executed, None for a directory."""
    return {
        str(path.relative_to(directory)): (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
        if path.is_file()
        else None
        for path in directory.rglob("*")
    }


FILLED = {
    "weights.bin": (LARGE, False),
    "latest": (LARGE, False),
    "empty": None,
    "a": None,
    "a/b": None,
    "a/é.txt": ("é".encode(), False),
    "a/b/run.sh": (b"#!/bin/sh\n", True),
}


@pytest.fixture
def output(storage):
    return Made("DirectoryOutput").output().assign_storage(storage)


@pytest.fixture
def filled(tmp_path):
    directory = tmp_path / "filled"
    directory.mkdir()
    fill(directory)
    return directory


def test_written_where_it_is_given(output):
    with output.path("w") as directory:
        fill(directory)
        assert not output.exists()
    assert output.exists()
    with output.path() as unpacked:
        assert seen(unpacked) == FILLED
        assert unpacked != directory
    assert not unpacked.exists()


def test_stored_and_loaded(output, filled):
    output.store(filled)
    with output.load() as unpacked:
        assert isinstance(unpacked, Path)
        assert seen(unpacked) == FILLED
    assert not unpacked.exists()
    assert seen(filled) == FILLED


def test_it_lives_as_long_as_somebody_has_it(output, filled):
    output.store(filled)
    loaded = output.load()
    assert isinstance(loaded, Directory)
    assert os.fspath(loaded) == str(loaded.path)
    with open(os.path.join(loaded, "a", "é.txt"), encoding="utf-8") as file:
        assert file.read() == "é"
    path = loaded.path
    del loaded
    gc.collect()
    assert not path.exists()


def test_on_the_event_loop(output, filled):
    async def main():
        await output.astore(filled)
        loaded = await output.aload()
        assert seen(loaded.path) == FILLED
        await asyncio.to_thread(loaded.close)
        async with output.apath() as unpacked:
            assert seen(unpacked) == FILLED
        assert not unpacked.exists()
        other = Trained().output().assign_storage(output.storage)
        async with other.apath("w") as directory:
            fill(directory)
        assert other.exists()

    asyncio.run(main())


def test_equal_contents_give_equal_bytes(filled, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for name in sorted(os.listdir(filled), reverse=True):
        (filled / name).rename(other / name)
    archives = []
    for directory in (other, filled):
        for path in reversed(list(other.rglob("*"))):
            if directory is filled:
                os.utime(path, (0, 0), follow_symlinks=False)
        archive = io.BytesIO()
        pack(str(other), archive)
        archives.append(archive.getvalue())
    assert archives[0] == archives[1]


def test_what_is_left_by_an_exception(output, tmp_path):
    def break_off():
        with output.path("w") as directory:
            fill(directory)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert not output.exists()
    with pytest.raises(OutputNotFound), output.path():
        pass
    with pytest.raises(OutputNotFound):
        output.load()
    assert stored_files(tmp_path / "storage") == []


def test_what_cannot_be_stored(output, tmp_path):
    with pytest.raises(FileNotFoundError):
        output.store(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        output.store(tmp_path / "file")
    for name, make in {
        "pipe": lambda path: os.mkfifo(path),
        "up": lambda path: path.symlink_to(".."),
        "back\\slash": lambda path: path.touch(),
    }.items():
        directory = tmp_path / name
        directory.mkdir()
        make(directory / name)
        with pytest.raises(EncodingError):
            output.store(directory)
    assert not output.exists()


@pytest.mark.parametrize("name", ["../out", "/out", "a/../../out", "a\\..\\out", "c:out"])
def test_an_archive_that_would_lead_outside(output, storage, name, tmp_path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo(name), b"1")
    storage.write(output.key, archive.getvalue())
    with pytest.raises(StorageError, match=r"cannot be loaded as DirectoryOutput: .*the name .* could lead outside"):
        output.load()
    assert not list(tmp_path.rglob("*out"))


def test_every_cut_and_every_flip_is_noticed(output, storage, filled):
    output.store(filled)
    good = storage.read(output.key)
    bad = [good[:-1], good[: len(good) // 2], good[: good.index(b"weights") + 5000], b""]
    bad += [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in (good.index(b"weightsweights") + 1000,)]
    for data in bad:
        storage.remove_many([output.key])
        storage.write(output.key, data)
        with pytest.raises(DecodingError, match="what is stored cannot be loaded as DirectoryOutput: "):
            output.load()


@pytest.mark.parametrize("bits", [0o120777, 0o020666, 0o060666, 0o010666, 0o140777, 0o040755])
def test_what_is_neither_a_file_nor_a_directory(output, storage, bits):
    member = zipfile.ZipInfo("a")
    member.external_attr = bits << 16
    refused(output, storage, "is neither a file nor a directory", (member, b"/etc/passwd"))


@pytest.mark.parametrize("names", [("a", "a"), ("a/", "a/"), ("a", "a/"), ("a/", "a"), ("a", "a/b"), ("a/b",)])
def test_names_that_cannot_be(output, storage, names):
    members = [(zipfile.ZipInfo(name), b"") for name in names]
    refused(output, storage, "there cannot be .* beside the others", *members)


def test_what_inflates(output, storage):
    member = zipfile.ZipInfo("a")
    member.compress_type = zipfile.ZIP_DEFLATED
    refused(output, storage, "bytes would become 30,000,000, more than 100 times as many", (member, bytes(30_000_000)))
    storage.write(output.key, archive_of((member, LARGE[:1_000])))
    with output.path() as directory:
        assert (directory / "a").read_bytes() == LARGE[:1_000]
    output.remove()
    member.compress_type = zipfile.ZIP_LZMA
    refused(output, storage, "is compressed in a way", (member, LARGE[:1_000]))


def test_members_that_share_their_bytes(output, storage):
    """A thousand entries of the index, one content: it is far more than the archive when it is unpacked."""
    data = bytearray(archive_of((zipfile.ZipInfo("0"), LARGE)))
    at = data.index(b"PK\x01\x02")
    entry, end = bytes(data[at:-22]), data[-22:]
    entries = [entry[:46] + b"%01d" % number for number in range(1)] * 1_000
    end[8:10] = end[10:12] = (1_000).to_bytes(2, "little")
    end[12:16] = (len(entry) * 1_000).to_bytes(4, "little")
    refused_bytes(output, storage, "more than 100 times as many", bytes(data[:at]) + b"".join(entries) + bytes(end))


def test_what_is_encrypted(output, storage):
    data = bytearray(archive_of((zipfile.ZipInfo("a"), b"content")))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    refused_bytes(output, storage, "is encrypted", bytes(data))


def test_nothing_but_what_was_stored_or_an_error_comes_of_any_flip(output, storage, tmp_path):
    small = tmp_path / "small"
    (small / "below").mkdir(parents=True)
    (small / "below" / "a").write_bytes(b"content")
    (small / "b").write_bytes(b"more")
    output.store(small)
    good = storage.read(output.key)
    for at in range(len(good)):
        for flip in (0x01, 0x80, 0xFF):
            storage.write(output.key, good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :], replace=True)
            try:
                with output.path() as directory:
                    contents = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
            except DecodingError:
                continue
            assert sorted(contents) in ([b"content", b"more"], [b"content"], [b"more"], [])
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


def archive_of(*members: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    archive = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(archive, "w") as file:
        warnings.simplefilter("ignore", UserWarning)  # of names twice the same
        for member, content in members:
            file.writestr(member, content, member.compress_type)
    return archive.getvalue()


def refused(output: Any, storage: Any, reason: str, *members: tuple[zipfile.ZipInfo, bytes]) -> None:
    refused_bytes(output, storage, reason, archive_of(*members))


def refused_bytes(output: Any, storage: Any, reason: str, data: bytes) -> None:
    storage.write(output.key, data)
    for read in (output.load, lambda: output.path().__enter__()):
        with pytest.raises(DecodingError, match=rf"cannot be loaded as DirectoryOutput: .*{reason}"):
            read()
    output.remove()


def test_wrong_mode(output):
    with pytest.raises(ValueError, match="'r', or for writing, 'w', not 'a'"), output.path("a"):
        pass


@pytest.mark.processes
def test_in_worker_processes(tmp_path):
    storage = LocalStorage(tmp_path / "storage")
    result = alexflow.run([Trained(), Trained(breaks_off=True)], storage=storage, workers=1, on_error="continue")
    assert [error.error_type for error in result.failures] == ["ArithmeticError"]
    assert list(storage.list()) == [Trained().output().key]
    with result.output[0].load() as unpacked:
        assert seen(unpacked) == FILLED
    assert stored_files(tmp_path / "storage") == [Trained().output().key]
