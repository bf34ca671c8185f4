"""Compressed bytes are read back, and little that would become much is refused."""

from __future__ import annotations

import gzip
import random
import tracemalloc
from dataclasses import dataclass

import msgspec
import pytest

from alexflow import JSONOutput, MemoryStorage, Task
from alexflow.errors import DecodingError
from alexflow.formats import JSONNaNOutput, gzipped


@dataclass(frozen=True)
class Stores(Task):
    pass


@pytest.fixture
def output(monkeypatch):
    monkeypatch.setattr(gzipped, "ALWAYS_ALLOWED", 2**20)
    return Stores().build_output(JSONOutput, key="value").assign_storage(MemoryStorage())


@pytest.mark.parametrize(
    "value",
    [0, [0] * 3_000_000, "x" * 3_000_000, list(range(100_000))],
    ids=["a number", "like ones", "text", "numbers"],
)
def test_what_is_stored_is_loaded(output, value):
    output.store(value)
    assert output.load() == value


def test_little_that_would_become_much_is_refused(output):
    bomb = gzip.compress(b"[" + b"0," * 50_000_000 + b"0]", compresslevel=9)
    output.storage.write(output.key, bomb)
    tracemalloc.start()
    try:
        with pytest.raises(DecodingError, match="would become more than"):
            output.load()
        assert tracemalloc.get_traced_memory()[1] < 400 * len(bomb)
    finally:
        tracemalloc.stop()


def test_several_members_and_padding():
    assert gzipped.decompress(gzip.compress(b"a") + gzip.compress(b"b") + bytes(9)) == b"ab"


CUT_OFF = gzip.compress(msgspec.json.encode([1, 2, 3]))[:-9]


# The time is within the header, so names of tests are given: processes that share the tests must collect the same.
@pytest.mark.parametrize(
    "data", [CUT_OFF, b"[1", b"", b"\x1f\x8b"], ids=["cut off", "no JSON", "nothing", "header alone"]
)
def test_damaged(output, data):
    output.storage.write(output.key, data)
    with pytest.raises(DecodingError):
        output.load()


@pytest.mark.parametrize("format", [JSONOutput, JSONNaNOutput])
@pytest.mark.parametrize("size", [0, 1, 1021, 1022, 5000])
def test_little_json_is_stored_as_it_is(format, size):
    output = Stores().build_output(format, key="value").assign_storage(MemoryStorage())
    output.store("x" * size)
    data = output.storage.read(output.key)
    assert (data == b'"%s"' % (b"x" * size)) == (size < 1022)
    assert output.load() == "x" * size
    output.remove()
    output.storage.write(output.key, gzip.compress(b'"%s"' % (b"y" * size)))  # as earlier versions stored it
    assert output.load() == "y" * size


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 20_000, 300_000])
def test_any_reader_of_gzip_reads_it(size):
    data = random.Random(size).randbytes(size)
    assert gzip.decompress(gzipped.compress(data)) == data


def test_bytes_are_those_of_gzip_whatever_the_system():
    data = b"[1,2,3]"
    header, rest = b"\x1f\x8b\x08\0\0\0\0\0\0\xff", gzip.compress(data, compresslevel=6, mtime=0)[10:]
    assert gzipped.compress(data) == header + rest
