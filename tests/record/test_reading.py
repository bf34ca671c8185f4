"""The record read back: what it says of outputs, and what it says when it is asked wrongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import pytest

import alexflow
from alexflow import JSONOutput, LocalStorage, MemoryStorage, Output, Task
from alexflow.engine.reproduction import reproduce, reproduce_sample
from alexflow.errors import AmbiguousKey, DefinitionError, NotRecorded, StorageError
from alexflow.record import Entry, Record, diff_outputs, diff_runs, diff_storages
from alexflow.storage import OverlayStorage, PrefixStorage
from tests.record.segments import HandWritten


@dataclass(frozen=True)
class Config:
    lr: float = 0.1
    layers: tuple[int, ...] = (3, 4)


@dataclass(frozen=True)
class Load(Task):
    name: str

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="data.json")


@dataclass(frozen=True)
class Train(Task):
    data: Output[Any]
    depth: int = 3
    config: Config = Config()
    model: str = "resnet18"
    note: str | None = None
    verbose: bool = field(default=True, compare=False)

    def input(self) -> Any:
        return self.data

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="model.json")


LOAD = Load("iris")
TRAIN = Train(LOAD.output(), verbose=False)
DEEP = Train(LOAD.output(), depth=5, config=Config(0.5), model="vit")


@pytest.fixture
def storage() -> MemoryStorage:
    storage = MemoryStorage()
    segment = HandWritten(storage)
    segment.made(LOAD, TRAIN, DEEP)
    segment.done(0, 1, [(7, b"\x01" * 16)])
    segment.done(1, 5, [(70, b"\x02" * 16)], seconds=2)
    segment.done(2, 7, [(700, b"\x03" * 16)])
    segment.writer.close()
    return storage


@pytest.fixture
def record(storage: MemoryStorage) -> Record:
    return alexflow.open_record(storage)


def ids(entries: Any) -> list[str]:
    return [entry.task_id for entry in entries]


def test_an_entry(record: Record) -> None:
    entry = record.entry(TRAIN.output())
    assert entry.fields == {
        "data": {"$": "output", "task": LOAD.task_id, "key": LOAD.output().key},
        "depth": 3,
        "config": {
            "$": "dataclass",
            "class": "test_reading:Config" if __name__ == "test_reading" else f"{__name__}:Config",
            "fields": {"layers": {"$": "tuple", "items": [3, 4]}, "lr": 0.1},
        },
        "model": "resnet18",
        "verbose": False,
    }
    assert entry.inputs == ((LOAD.output().key, "01" * 16),)
    assert entry.outputs == ((TRAIN.output().key, 70, "02" * 16),)
    assert (entry.key, entry.task_id, entry.seconds) == (TRAIN.output().key, TRAIN.task_id, 2)
    assert entry.started is not None
    assert entry.finished == entry.started + timedelta(seconds=2)
    assert (entry.python, entry.run_id, entry.reason, entry.is_intact) == (
        "3.11.7",
        "20260101T000000000-abcd",
        "upstream",
        True,
    )


def test_its_json_has_the_promised_names(record: Record) -> None:
    plain = record.entry(TRAIN.output()).to_json()
    assert plain.keys() >= {
        *["key", "task_id", "class", "fields", "inputs", "outputs", "version", "code", "queued", "started", "finished"],
        *["seconds", "cpu_seconds", "peak_rss_bytes", "host", "python", "attempts", "run_id", "reason", "tags"],
    }
    assert plain["inputs"] == [{"key": LOAD.output().key, "digest": "01" * 16}]
    assert plain["started"].endswith("Z")
    assert msgspec.json.decode(msgspec.json.encode(plain)) == plain


def test_the_live_task(record: Record) -> None:
    task = record.entry(TRAIN.output()).task()
    assert task == TRAIN
    assert task.verbose is False  # type: ignore[attr-defined]
    assert type(task.data) is JSONOutput  # type: ignore[attr-defined]


def test_an_output_a_task_an_id_and_how_they_begin(record: Record) -> None:
    key, digest = TRAIN.output().key, TRAIN.task_id.rpartition(".")[2]
    for asked in (TRAIN.output(), TRAIN, key, TRAIN.task_id, digest, digest[:12], key[:-3], f"Train.{digest[:20]}"):
        assert record.entry(asked).task_id == TRAIN.task_id
    assert record.resolve(digest[:12]) == key


def test_what_is_not_there(record: Record) -> None:
    with pytest.raises(NotRecorded, match="nothing of 'zzz'"):
        record.entry("zzz")
    with pytest.raises(NotRecorded, match="nothing of ''"):
        record.entry("")
    with pytest.raises(NotRecorded, match="no engine has written a record there"):
        alexflow.open_record(MemoryStorage()).entry("zzz")
    with pytest.raises(AmbiguousKey, match="Train") as caught:
        record.entry("Train")
    assert set(caught.value.candidates) == {TRAIN.task_id, DEEP.task_id}


def test_entries(record: Record) -> None:
    assert ids(record.entries()) == [DEEP.task_id, TRAIN.task_id, LOAD.task_id]
    assert ids(record.entries(Load)) == [LOAD.task_id]
    assert ids(record.entries("Train")) == [DEEP.task_id, TRAIN.task_id]
    assert ids(record.entries("rain")) == []
    assert ids(record.entries(larger=70)) == [DEEP.task_id]
    assert ids(record.entries(newer=timedelta(days=1))) == [DEEP.task_id, TRAIN.task_id, LOAD.task_id]
    assert ids(record.entries(newer=timedelta(days=-1))) == []


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"depth": 5}, [DEEP]),
        ({"depth": True}, []),
        ({"depth": 3.0}, [TRAIN]),
        ({"config.lr": ("<", 0.2)}, [TRAIN]),
        ({"config.layers.1": 4}, [DEEP, TRAIN]),
        ({"model": ("~=", "^res")}, [TRAIN]),
        ({"note": None}, [DEEP, TRAIN, LOAD]),
        ({"depth": ("!=", 3)}, [DEEP, LOAD]),
        ({"model": ("<", 3)}, []),
        ({"depth": (">=", 3), "model": "vit"}, [DEEP]),
        ({"data": LOAD.output().key}, [DEEP, TRAIN]),
    ],
)
def test_where(record: Record, where: dict[str, Any], found: list[Task]) -> None:
    assert ids(record.entries(where=where)) == [task.task_id for task in found]


def test_conditions_that_are_none(record: Record) -> None:
    with pytest.raises(DefinitionError, match="the operators are ="):
        record.entries(where={"depth": ("=~", 3)})
    with pytest.raises(DefinitionError, match="no regular expression"):
        record.entries(where={"model": ("~=", "(")})


def test_upstream_and_downstream(record: Record) -> None:
    assert ids(record.upstream(TRAIN)) == [LOAD.task_id]
    assert sorted(ids(record.downstream(LOAD))) == sorted([TRAIN.task_id, DEEP.task_id])
    assert ids(record.upstream(LOAD)) == []


def test_generations(storage: MemoryStorage) -> None:
    again = HandWritten(storage, "20270101T000000000-abcd")
    again.made(LOAD, TRAIN)
    again.done(0, 1000, [(8, b"\x04" * 16)])
    record = alexflow.open_record(storage)
    newest, first = record.generations(LOAD.output())
    assert [newest.outputs[0].digest, first.outputs[0].digest] == ["04" * 16, "01" * 16]
    assert record.entry(TRAIN).inputs[0].digest == "01" * 16  # which was read, not which is there now
    again.done(1, 2000, [(9, b"\x05" * 16)])
    record.refresh()
    assert [entry.inputs[0].digest for entry in record.generations(TRAIN)] == ["04" * 16, "01" * 16]


def test_a_task_of_which_nothing_says_whether_it_ran() -> None:
    storage = MemoryStorage()
    segment = HandWritten(storage)
    segment.made(LOAD, TRAIN)
    segment.done(0, 1)
    entry = alexflow.open_record(storage).entry(TRAIN)
    assert entry.fields["depth"] == 3
    assert (entry.finished, entry.seconds, entry.outputs[0].digest) == (None, None, None)
    segment.writer.close()  # the engine came to its end, and TRAIN did not run
    with pytest.raises(NotRecorded):
        alexflow.open_record(storage).entry(TRAIN)


def test_a_torn_tail_costs_what_is_torn() -> None:
    storage = MemoryStorage()
    segment = HandWritten(storage)
    segment.made(LOAD)
    segment.made(TRAIN)
    space = storage.reserved("record")
    (name,) = space.names()
    whole = space.read(name)
    known = []
    for size in range(len(whole) + 1):
        space.write(name, whole[:size])
        known.append(len(list(alexflow.open_record(storage).entries())))
    assert known == sorted(known)
    assert {*known} == {0, 1, 2}


def test_something_else_in_its_place() -> None:
    storage = MemoryStorage()
    storage.reserved("record").write("x.segment", b"something else")
    with pytest.raises(StorageError, match=r"x\.segment is not a file of a record"):
        alexflow.open_record(storage).runs()


def test_a_local_storage_a_part_of_it_and_what_lies_over_it(tmp_path: Any) -> None:
    whole = LocalStorage(tmp_path / "whole")
    whole.prepare()
    team = PrefixStorage(whole, "team")
    segment = HandWritten(team)
    segment.made(LOAD)
    segment.done(0, 1)
    key = LOAD.output().key
    assert alexflow.open_record(team).entry(key).outputs[0].key == key
    assert alexflow.open_record(whole).entry(LOAD).outputs[0].key == f"team/{key}"
    over = LocalStorage(tmp_path / "over")
    over.prepare()
    upper = HandWritten(over)
    upper.made(TRAIN)
    both = alexflow.open_record(OverlayStorage(team, over))
    assert {entry.cls.rpartition(".")[2] for entry in both.entries()} == {"Load", "Train"}
    assert list(whole.list()) == []
    segment.writer.close()
    upper.writer.close()


def test_runs(record: Record) -> None:
    (run,) = record.runs()
    assert run == record.run("20260101")
    assert (run.command, run.directory, run.user, run.outcome) == (("train.py",), "/home", "ada", "unknown")
    with pytest.raises(NotRecorded, match="no run '2027'"):
        record.run("2027")


async def read_on_a_loop(storage: MemoryStorage) -> Entry:
    record = await alexflow.aopen_record(storage)
    return record.entry(TRAIN)


def test_on_an_event_loop(storage: MemoryStorage) -> None:
    import asyncio

    assert asyncio.run(read_on_a_loop(storage)).task_id == TRAIN.task_id


class Unshowable:
    def __repr__(self) -> str:
        raise ValueError("repr")


ASKED_WRONGLY: dict[str, Callable[[Record, Any], Any]] = {
    "larger": lambda record, wrong: list(record.entries(larger=wrong)),
    "newer": lambda record, wrong: list(record.entries(newer=wrong)),
    "where": lambda record, wrong: list(record.entries(where=wrong)),
    "operator": lambda record, wrong: list(record.entries(where={"depth": (wrong, 1)})),
    "pattern": lambda record, wrong: list(record.entries(where={"depth": ("~=", wrong)})),
    "column": lambda record, wrong: record.table("Train", {wrong: "m.json:x"}),
    "run": lambda record, wrong: record.run(wrong),
    "runs": lambda record, wrong: diff_runs(record, wrong, wrong),
    "first record": lambda record, wrong: diff_outputs(wrong, TRAIN, record, TRAIN),
    "second record": lambda record, wrong: diff_outputs(record, TRAIN, wrong, TRAIN),
    "other record": lambda record, wrong: diff_storages(record, wrong),
    "reproduced": lambda record, wrong: reproduce(wrong, TRAIN),
    "sampled": lambda record, wrong: list(reproduce_sample(wrong, 3)),
}


KINDS = ["an object", "an object without repr", "a tuple", "bytes", "a class"]


@pytest.mark.parametrize("asked", ASKED_WRONGLY)
@pytest.mark.parametrize("wrong", [object(), Unshowable(), (), b"x", timedelta], ids=KINDS)
def test_what_is_no_question_is_refused(record: Record, asked: str, wrong: Any) -> None:
    with pytest.raises(DefinitionError):
        ASKED_WRONGLY[asked](record, wrong)


def test_reports_of_an_id_that_no_task_can_have(record: Record) -> None:
    assert record.reports("\ud800") == []
