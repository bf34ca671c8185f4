"""Lines of tasks as an engine writes them: what is read from them is what was hashed, whatever the fields hold."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from alexflow import BinaryOutput, Output, Task
from alexflow.engine.task_lines import TaskLines
from alexflow.graph.describe import Defaults, describe
from alexflow.identity.digest import digest_of_preimage
from alexflow.model.made_from import origin_of
from alexflow.record.id_tables import MOST_TABLES, IdTable
from alexflow.record.lines import MadeFromLine
from alexflow.record.preimages import PackedPreimages, unpacked
from tests.record.parts import Other, Part, Stored


@dataclass(frozen=True)
class Named(Task):
    number: int

    def output(self) -> BinaryOutput[int]:
        return self.build_output(BinaryOutput, key=f"{self.number}.pkl")

    def run(self, input: Any, output: Any) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Viewed(BinaryOutput[int]):
    row: int = 0


@dataclass(frozen=True)
class Whole(Stored, Task):
    name: str
    many: list[Any] = field(default_factory=list)
    fixed: tuple[Any, ...] = ()
    one: Any = None
    by_name: dict[str, Any] | None = None
    number: Any = 0
    note: str = field(default="", compare=False)

    def input(self) -> Any:
        return self.many or self.fixed


def written(tasks: list[Task], lines: TaskLines | None = None) -> MadeFromLine:
    """The line of tasks, as it is read from a file."""
    line = (lines or TaskLines()).line([describe(task, Defaults()) for task in tasks], 7)
    return msgspec.msgpack.decode(msgspec.msgpack.encode(line.items), type=MadeFromLine)


def check(tasks: list[Task], line: MadeFromLine) -> None:
    made = line.tasks()
    assert len(made) >= len(tasks)
    for task, each in zip(tasks, made, strict=False):
        assert each.digest.hex() == task.task_id[-40:]
        assert unpacked(each.preimage) == origin_of(task)[0]
    for each in made:
        assert digest_of_preimage(unpacked(each.preimage)) == each.digest.hex()


def outputs(chance: random.Random, kinds: list[type], most: int = 9) -> list[Output[int]]:
    return [chance.choice(kinds)(chance.randrange(500)).output() for _ in range(chance.randrange(most))]


def test_whatever_the_fields_hold_what_is_read_was_hashed():
    chance, lines = random.Random(18), TaskLines()
    kinds: list[list[type]] = [[Part], [Part], [Other], [Part, Other], [Named]]
    others: list[Any] = [
        None,
        "text",
        2**70,
        float("nan"),
        Part(1),
        [Other(2)],
        [Part(3).output(), 1],
        (1, Part(4).output()),
    ]
    others += [
        Viewed(Part(5), Part(5).output().key, row=3),
        [Viewed(Part(6), Part(6).output().key, row=2)],
        {"a": Part(7).output()},
    ]
    for _ in range(300):
        of_line = chance.choice(kinds)
        tasks: list[Task] = [
            Whole(
                f"{number} {chance.random()}",
                outputs(chance, of_line),
                tuple(outputs(chance, chance.choice(kinds))),
                chance.choice(kinds)[0](chance.randrange(99)).output()
                if chance.random() < 0.5
                else chance.choice(others),
                {"a": Part(number).output()} if chance.random() < 0.2 else None,
                chance.choice(others) if chance.random() < 0.2 else number,
                "noted" if chance.random() < 0.1 else "",
            )
            for number in range(chance.randrange(1, 12))
        ]
        check(tasks, written(tasks, lines))


@pytest.mark.parametrize("kind", [list, tuple])
def test_outputs_of_one_class_take_their_digests(kind):
    few, more = (
        [
            Whole(
                f"{task}", **{"many" if kind is list else "fixed": kind(Part(task + n).output() for n in range(count))}
            )
            for task in range(64)
        ]
        for count in (5, 10)
    )
    check(few, written(few))
    size = [len(msgspec.msgpack.encode(written(tasks))) for tasks in (few, more)]
    assert (size[1] - size[0]) / 5 / 64 < 22
    assert not written(few).preimages.cuts
    assert len(written(few).preimages.tables) == 1


def test_a_class_whose_outputs_are_not_alike_is_written_as_text_from_then_on():
    lines = TaskLines()
    mixed = [Whole(f"{n}", [Part(n).output(), Other(n).output()]) for n in range(9)]
    for _ in range(2):
        line = written(mixed, lines)
        check(mixed, line)
        assert not line.preimages.tables
        assert line.preimages.cuts


def test_more_tables_than_a_line_has_room_for():
    tasks: list[Task] = [Whole(f"{n}", one=Named(n).output()) for n in range(2 * MOST_TABLES)]
    tasks += [Whole(f"{n}", many=[Named(n).output()]) for n in range(3)]
    check(tasks, written(tasks))


def test_a_task_without_a_canonical_form_is_left_out_and_the_others_are_there():
    good, bad = Whole("good", [Part(1).output()]), Whole("bad", [Part(2).output()])
    described = [describe(task, Defaults()) for task in (bad, good)]
    bad.many[0] = lambda: None
    line = TaskLines().line(described, 0)
    assert [each.task for each in line.tasks] == [good]
    check([good], msgspec.msgpack.decode(msgspec.msgpack.encode(line.items), type=MadeFromLine))


def test_a_line_that_does_not_fit_together_says_nothing():
    line = written([Whole("a", [Part(n).output() for n in range(9)])] * 3)
    (table,) = line.preimages.tables
    replace = msgspec.structs.replace
    short = IdTable(table.before, table.ending, table.digests[1:])
    damaged = [
        replace(line, shapes=line.shapes[1:]),
        replace(line, digests=line.digests[1:]),
        replace(line, lengths=(1, 1, 1)),
        replace(line, preimages=PackedPreimages(line.preimages.rest[:-1], tables=(table,))),
        replace(line, preimages=PackedPreimages(line.preimages.rest, tables=(short,))),
    ]
    assert [each.tasks() for each in damaged] == [[]] * len(damaged)
