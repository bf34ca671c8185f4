"""Packed preimages: whatever goes in comes out, byte for byte, and what an output among the fields takes."""

from __future__ import annotations

import random
from dataclasses import dataclass

import msgspec
import pytest
from msgspec import Raw

from alexflow import Output, Task
from alexflow.identity.digest import digest_of_preimage
from alexflow.model.made_from import origin_of
from alexflow.record.lines import MadeFrom, MadeFromLine
from alexflow.record.preimages import Cut, PackedPreimages, PreimagePacker, packed, unpacked
from tests.record.parts import Other, Part, Stored


@dataclass(frozen=True)
class Whole(Stored, Task):
    parts: list[Output[int]]
    text: str = ""


def preimage(parts: list[Output[int]], text: str = "") -> bytes:
    return origin_of(Whole(parts, text))[0]


def written(preimages: list[bytes]) -> MadeFromLine:
    """A line of tasks, as it is read from a file."""
    tasks = [MadeFrom(0, bytes.fromhex(digest_of_preimage(each)), Raw(each)) for each in preimages]
    return msgspec.msgpack.decode(msgspec.msgpack.encode(MadeFromLine.of(7, tasks)), type=MadeFromLine)


def size(line: MadeFromLine) -> int:
    return len(msgspec.msgpack.encode(line))


def read(line: MadeFromLine) -> list[bytes]:
    return [unpacked(made.preimage) for made in line.tasks()]


@pytest.mark.parametrize("count", [5, 20, 200])
def test_an_output_takes_little_more_than_its_digest(count):
    few, more = (
        [preimage([Part(number + task).output() for number in range(each)], f"{task}") for task in range(20)]
        for each in (count, 2 * count)
    )
    assert read(written(few)) == few
    assert (size(written(more)) - size(written(few))) / count / 20 < 23
    assert size(written(few)) / 20 < 24 * count + 110  # what goes before them, and the class, included


def test_short_ones_are_as_they_are():
    short = [preimage([Part(1).output()])]
    assert written(short).preimages.rest == short[0]
    assert bytes(packed(short[0])) == short[0]


def test_outputs_of_any_classes_in_any_order():
    chance, packer = random.Random(16), PreimagePacker()
    for _ in range(100):
        kinds = chance.choice([(Part,), (Part, Other), (Other,)])
        whole = []
        for _ in range(chance.randrange(1, 9)):
            parts = [chance.choice(kinds)(chance.randrange(1_000)).output() for _ in range(chance.randrange(30))]
            whole.append(preimage(parts, "x" * chance.randrange(900)))
        assert read(written(whole)) == whole
        assert unpacked(packed(whole[0])) == whole[0]
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(packer.pack(whole)), type=PackedPreimages)
        assert again.joined() == b"".join(whole)  # as written behind another line


def test_what_only_resembles_an_output():
    chance, cut, others = random.Random(17), 0, 0
    for _ in range(10_000):
        before = chance.choice([b"\x92\xa6output\xd9\x30a.b.", b"\x92\xa6outputx."])
        whole = b"\x93\xa12\xc0" + b"-" * 200
        for _ in range(chance.randrange(1, 9)):
            digest = bytes(chance.choices(b"0123456789abcdef", k=40))
            digest = chance.choice([digest] * 9 + [digest.upper(), digest[1:], digest + b"a", digest[:-1] + b" "])
            behind = chance.choice([b".pkl"] * 5 + [b"", b"a", b".", before])
            whole += (before if chance.random() < 0.9 else b"\x92\xa6outputyy.") + digest + behind
        held = packed(whole)
        cut, others = cut + (bytes(held) != whole), others + (bytes(held) == whole)
        assert unpacked(held) == whole
    assert cut > 500
    assert others > 500


def test_other_long_ones_are_compressed():
    long = [preimage([], f"{task}" + "some text " * 1_000) for task in range(5)]
    assert read(written(long)) == long
    assert size(written(long)) < len(long[0]) / 10


def test_one_that_is_damaged():
    data = bytearray(bytes(packed(preimage([Part(number).output() for number in range(99)]))))
    with pytest.raises(ValueError, match="a packed preimage is damaged"):
        unpacked(Raw(bytes(data[:40])))


def test_a_line_that_does_not_fit_together():
    """It says nothing, and no reader stops at it."""
    line = written([preimage([Part(number).output() for number in range(9)])] * 3)
    (cut, *_) = line.preimages.cuts
    replace = msgspec.structs.replace
    damaged = [
        replace(line, lengths=line.lengths[:-1]),
        replace(line, shapes=line.shapes[1:]),
        replace(line, digests=line.digests[1:]),
        replace(line, lengths=(1, 1, 1)),
        replace(line, preimages=PackedPreimages(line.preimages.rest)),
        replace(line, preimages=PackedPreimages(line.preimages.rest, line.preimages.cuts, True)),
        *(
            replace(line, preimages=PackedPreimages(line.preimages.rest, (each,)))
            for each in (Cut(b"x", b"", ()), Cut(b"x", cut.digests[1:], cut.lengths), Cut(b"x", b"", (1,)))
        ),
    ]
    assert len(line.tasks()) == 3
    assert [each.tasks() for each in damaged] == [[]] * len(damaged)
