"""Packed preimages: whatever goes in comes out, byte for byte, and what a series of outputs takes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec import Raw

from alexflow import BinaryOutput, Output, Task
from alexflow.model.made_from import origin_of
from alexflow.record.preimages import packed, unpacked


class Stored:
    def output(self: Any) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key="value.pkl")  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Part(Stored, Task):
    number: int


@dataclass(frozen=True)
class Other(Stored, Task):
    number: int


@dataclass(frozen=True)
class Whole(Stored, Task):
    parts: list[Output[int]]
    text: str = ""


def preimage(parts: list[Output[int]], text: str = "") -> bytes:
    return origin_of(Whole(parts, text))[0]


@pytest.mark.parametrize("count", [5, 20, 1_000])
def test_an_output_of_a_series_takes_little_more_than_its_digest(count):
    few = preimage([Part(number).output() for number in range(count)])
    more = preimage([Part(number).output() for number in range(2 * count)])
    assert unpacked(packed(few)) == few
    assert (len(bytes(packed(more))) - len(bytes(packed(few)))) / count < 22
    assert len(bytes(packed(few))) / count < 45  # what goes before them, and the class, included


def test_short_ones_are_as_they_are():
    short = preimage([Part(1).output()])
    assert bytes(packed(short)) == short


def test_outputs_of_any_classes_in_any_order():
    chance = random.Random(16)
    for _ in range(300):
        kinds = chance.choice([(Part,), (Part, Other), (Other,)])
        parts = [chance.choice(kinds)(chance.randrange(1_000)).output() for _ in range(chance.randrange(30))]
        whole = preimage(parts, "x" * chance.randrange(300))
        assert unpacked(packed(whole)) == whole


def test_what_only_resembles_a_series():
    chance, series, others = random.Random(17), 0, 0
    for _ in range(20_000):
        before = chance.choice([b"\x92\xa6output\xd9\x30a.b.", b"\x92\xa6outputx."])
        whole = b"\x93\xa12\xc0" + b"-" * 200
        for _ in range(chance.randrange(1, 9)):
            digest = bytes(chance.choices(b"0123456789abcdef", k=40))
            digest = chance.choice([digest] * 9 + [digest.upper(), digest[1:], digest + b"a", digest[:-1] + b" "])
            behind = chance.choice([b".pkl"] * 5 + [b"", b"a", b".", before])
            whole += (before if chance.random() < 0.9 else b"\x92\xa6outputyy.") + digest + behind
        held = packed(whole)
        series, others = series + (bytes(held) != whole), others + (bytes(held) == whole)
        assert unpacked(held) == whole
    assert series > 1_000
    assert others > 1_000


def test_one_that_is_damaged():
    data = bytearray(bytes(packed(preimage([Part(number).output() for number in range(99)]))))
    with pytest.raises(ValueError, match="a packed preimage is damaged"):
        unpacked(Raw(bytes(data[:40])))
