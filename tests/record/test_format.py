"""The bytes of a segment are pinned: what was written once is read by every later version."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from msgspec import Raw

import alexflow
from alexflow import MemoryStorage
from alexflow.errors import StorageError
from alexflow.identity.digest import digest_of_preimage
from alexflow.record.frames import frame_of, frames_in
from alexflow.record.id_tables import IdTable
from alexflow.record.lines import (
    NIL,
    RECORD_MAGIC,
    AttemptLine,
    ClosedLine,
    CodeLine,
    Completion,
    CompletionLine,
    Ended,
    EndedLine,
    EnvironmentLine,
    MadeFrom,
    MadeFromLine,
    RunBegunLine,
    RunEndedLine,
    SegmentHeader,
    SegmentLine,
    Shape,
    ShapesLine,
)
from alexflow.record.preimages import PackedPreimages, packed, unpacked

GOLDEN = Path(__file__).parent / "golden"

#: As segments are written now, and as they were before columns and times in the queue.
NOW, BEFORE = ((GOLDEN / name).read_text().strip() for name in ("segment-2.hex", "segment-1.hex"))

#: The worked example of docs/design/identity.md.
LOAD = "shop.Load.32d6c692b0584b470c40b297dd7455cefe6f874a"
TRAIN = "shop.Train.f52bc29cff2fd1e632227cfb2a98a305a8dc492b"
PREIMAGES = (
    bytes.fromhex("93a132c081a46e616d65a178"),
    bytes.fromhex(
        "93a132c083a15892a66f7574707574d93b73686f702e4c6f61642e333264366336393262303538346234373063343062323937646437343535"
        "636566653666383734612e646174612e706b6ca5646570746803a56d6f64656ca55269646765"
    ),
)


def output_id(number: int) -> str:
    return f"shop.Train.{number:040x}.model.pkl"


#: Of reports on eight outputs each.
REPORTS = tuple(
    msgspec.msgpack.encode(["2", None, {"of": ["list", [["output", output_id(n)] for n in range(8)]], "page": page}])
    for page in range(3)
)


LINES: tuple[SegmentLine, ...] = (
    SegmentHeader(1_800_000_000.5, "host", 42, "ada", "2.0.0", ""),
    EnvironmentLine("3.11.7", "linux-x86_64", "0123456789abcdef", "c0ffee"),
    ShapesLine(
        (
            Shape(0, "shop.Load", "shop:Load", "process", ((".data.pkl", "alexflow.formats.binary:BinaryOutput"),)),
            Shape(1, "shop.Train", "shop:Train", "thread", ((".model.pkl", "pkg:Model"),), ("gpu",)),
            Shape(2, "shop.Report", "shop:Report", "process", ((".report.txt", "pkg:Text"),)),
        )
    ),
    RunBegunLine(1, "20270115T080000500-abcdef", -10, (TRAIN,), {"command": ["python", "shop.py"]}),
    MadeFromLine.of(
        0,
        [
            MadeFrom(0, bytes.fromhex(LOAD[-40:]), Raw(PREIMAGES[0])),
            MadeFrom(1, bytes.fromhex(TRAIN[-40:]), Raw(PREIMAGES[1]), Raw(bytes.fromhex("81a7766572626f7365c3"))),
        ],
    ),
    MadeFromLine.of(
        2, [MadeFrom(2, bytes.fromhex(digest_of_preimage(preimage)), Raw(preimage)) for preimage in REPORTS[:2]]
    ),
    MadeFromLine(
        4,
        (2,),
        bytes.fromhex(digest_of_preimage(REPORTS[2])),
        (),
        PackedPreimages(
            msgspec.msgpack.encode(["2", None, {"page": [2]}]),
            tables=(IdTable("of", 1, 8, "shop.Train.", ".model.pkl", b"".join(n.to_bytes(20) for n in range(8))),),
        ),
    ),
    AttemptLine(1, TRAIN, 1_000_000, 1, False, "ValueError: no", "Traceback", ("out", "err"), 43, 250_000, "node7"),
    CompletionLine(
        [
            Completion(0, 2_000_000, 500_000, ((7, bytes(range(16))),), 1, 0, 1, 400_000, 2**20, 43),
            Completion(1, 3_000_000, 250_000, ((9, bytes(range(16, 32))),), 1, 1, 2),
            Completion(3, 3_500_000, 250_000, ((9, bytes(range(32, 48))),), 1),
        ]
    ),
    EndedLine(
        [
            (
                3_750_000,
                1_000.5,
                [Ended(4 << 32 | 1 << 1, 3_100_000, 0.25, 1_000.25, ((9, bytes(range(48, 64))),), 200_000, 2**20, 43)],
            )
        ]
    ),
    CodeLine(1, 0, "abc", (("shop.Train.run", "def"),)),
    RunEndedLine(1, 4_000_000, "done", (2, 0, 0, 0)),
    ClosedLine(4_000_001),
)


def segment() -> bytes:
    return RECORD_MAGIC + b"".join(frame_of(msgspec.msgpack.encode(line)) for line in LINES)


def test_it_is_written_as_it_was() -> None:
    assert segment().hex() == NOW


@pytest.mark.parametrize("golden", [NOW, BEFORE])
def test_it_is_read_as_it_was(golden: str) -> None:
    storage = MemoryStorage()
    storage.reserved("record").write("20270115T080000.500-host-42-abcdef.segment", bytes.fromhex(golden))
    record = alexflow.open_record(storage)
    load, train = record.entry(LOAD), record.entry(TRAIN)
    assert (load.is_intact, train.is_intact) == (True, True)
    assert load.fields == {"name": "x"}
    assert train.fields == {
        "X": {"$": "output", "task": LOAD, "key": f"{LOAD}.data.pkl"},
        "depth": 3,
        "model": "Ridge",
        "verbose": True,
    }
    assert train.inputs == ((f"{LOAD}.data.pkl", bytes(range(16)).hex()),)
    assert train.outputs == ((f"{TRAIN}.model.pkl", 9, bytes(range(16, 32)).hex()),)
    assert (train.cls, train.executor, train.tags, train.reason) == ("shop.Train", "thread", ("gpu",), "forced")
    assert (train.attempts, train.cpu_seconds, train.peak_rss_bytes, train.code) == (2, None, None, "abc")
    assert (load.cpu_seconds, load.peak_rss_bytes, load.worker, load.host) == (0.4, 2**20, 43, "host")
    assert train.to_json()["started"] == "2027-01-15T08:00:03.500000Z"
    assert train.environment == {"platform": "linux-x86_64", "packages": "0123456789abcdef", "commit": "c0ffee"}
    report = record.entry("shop.Report." + digest_of_preimage(REPORTS[1]))
    assert report.is_intact
    assert report.fields["page"] == 1
    assert [key for key, _ in report.inputs] == [output_id(number) for number in range(8)]
    assert report.to_json()["queued"] is None
    if golden == NOW:
        last = record.entry("shop.Report." + digest_of_preimage(REPORTS[2]))
        assert (last.is_intact, last.fields["page"], last.inputs) == (True, 2, report.inputs)
        assert (last.to_json()["queued"], last.to_json()["started"], last.to_json()["finished"]) == (
            *("2027-01-15T08:00:03.600000Z", "2027-01-15T08:00:03.750000Z", "2027-01-15T08:00:04.000000Z"),
        )
        assert (last.reason, last.attempts, last.worker, last.outputs[0].digest) == (
            *("missing", 1, 43, bytes(range(48, 64)).hex()),
        )
    (run,) = record.runs()
    assert (run.id, run.outcome, run.ran, run.command) == (train.run_id, "done", 2, ("python", "shop.py"))
    assert [(attempt.error, attempt.stderr) for attempt in run.attempts] == [("ValueError: no", "err")]


def test_what_a_later_version_adds_is_passed_over() -> None:
    """Lines of unknown kinds, and further items of known ones."""
    more = [*msgspec.to_builtins(LINES[0]), "of a later version"]
    data = RECORD_MAGIC + frame_of(msgspec.msgpack.encode(more)) + frame_of(msgspec.msgpack.encode([99, "unknown"]))
    data += segment()[segment().index(frame_of(msgspec.msgpack.encode(LINES[1]))) :]
    storage = MemoryStorage()
    storage.reserved("record").write("x.segment", data)
    assert alexflow.open_record(storage).entry(TRAIN).fields["depth"] == 3


@pytest.mark.parametrize("count", [1, 3, 50, 1000])
def test_a_long_preimage_is_packed(count: int) -> None:
    ids = [f"module.Class.{n:040x}.data.json" for n in range(count)]
    preimage = msgspec.msgpack.encode(["2", None, {"parts": ["list", [["output", each] for each in ids]]}])
    raw = packed(preimage)
    assert unpacked(msgspec.msgpack.decode(msgspec.msgpack.encode(raw), type=Raw)) == preimage
    assert len(bytes(raw)) <= len(preimage)
    if count == 1000:
        assert len(bytes(raw)) <= 40 * count


def test_a_map_that_is_empty() -> None:
    assert msgspec.msgpack.decode(NIL) is None


def read_by_force(data: bytes) -> dict[str, alexflow.record.Entry]:
    storage = MemoryStorage()
    storage.reserved("record").write("20270115T080000.500-host-42-abcdef.segment", data)
    record = alexflow.open_record(storage)
    record.runs()
    return {entry.task_id: entry for entry in record.entries() if entry.fields is not None and entry.inputs is not None}


@pytest.mark.parametrize("change", ["cut off", "changed"])
def test_damage_at_any_byte_costs_lines_and_makes_up_none(change: str) -> None:
    """The torn line and those behind it are gone; no entry is another than it was."""
    data, read = segment(), 0
    ids = {LOAD, TRAIN, *(f"shop.Report.{digest_of_preimage(preimage)}" for preimage in REPORTS)}
    for at in range(0, len(data), 1 if change == "cut off" else 2):
        damaged = data[:at] if change == "cut off" else data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        try:
            entries = read_by_force(damaged)
        except StorageError:
            assert at < len(RECORD_MAGIC)  # then it is no file of a record
            continue
        assert entries.keys() <= ids
        assert all(entry.is_intact for entry in entries.values())
        read += len(entries)
    assert read > len(data) / 4


def test_no_reader_stops_at_bytes_that_no_checksum_guards() -> None:
    """Every byte of each line is changed, and the checksum with it, as a faulty writer would."""
    chance = random.Random(3)
    payloads = [bytes(payload) for _, payload in frames_in(segment(), len(RECORD_MAGIC))]
    for line, payload in enumerate(payloads):
        for at in range(0, len(payload), 2):
            changed = payload[:at] + bytes([chance.randrange(256)]) + payload[at + 1 :]
            read_by_force(RECORD_MAGIC + b"".join(map(frame_of, [*payloads[:line], changed, *payloads[line + 1 :]])))
