"""Lines of tasks as an engine writes them: what is read from them is what was hashed, whatever the fields hold."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from typing import Any

import msgspec
import pytest

from alexflow import BinaryOutput, Output, Task
from alexflow.engine.task_lines import TaskLines
from alexflow.graph.describe import Defaults, describe
from alexflow.identity.digest import digest_of_preimage
from alexflow.model.made_from import origin_of
from alexflow.record.lines import MadeFromLine
from alexflow.record.preimages import unpacked
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


@dataclass(frozen=True)
class Versioned(Stored, Task):
    number: int

    @property
    def version(self) -> int:  # type: ignore[override]
        return self.number % 2


def written(tasks: list[Task], lines: TaskLines | None = None) -> list[MadeFromLine]:
    """The lines of tasks, as they are read from a file."""
    made = (lines or TaskLines()).lines([describe(task, Defaults()) for task in tasks], 7)
    read = [msgspec.msgpack.decode(msgspec.msgpack.encode(line), type=MadeFromLine) for line in made.lines]
    assert sum(len(line.shapes) for line in read) == made.size
    assert [line.first for line in read] == list(accumulate((len(line.shapes) for line in read[:-1]), initial=7))
    return read


def check(tasks: list[Task], lines: list[MadeFromLine]) -> None:
    """Check that what is read of tasks was hashed; they come first, those of one class behind each other."""
    made = [each for line in lines for each in line.tasks()]
    by_class = [task for _, group in groupby(sorted(tasks, key=_first_of(tasks)), type) for task in group]
    assert len(made) >= len(tasks)
    for task, each in zip(by_class, made, strict=False):
        assert each.digest.hex() == task.task_id[-40:]
        assert unpacked(each.preimage) == origin_of(task)[0]
    for each in made:
        assert digest_of_preimage(unpacked(each.preimage)) == each.digest.hex()


def _first_of(tasks: list[Task]) -> Any:
    """Return what says where the first task of a task's class is."""
    kinds = [type(task) for task in tasks]
    return lambda task: kinds.index(type(task))


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
    size = [len(msgspec.msgpack.encode(written(tasks)[0])) for tasks in (few, more)]
    assert (size[1] - size[0]) / 5 / 64 < 22
    (line,) = written(few)
    assert not line.preimages.cuts
    assert len(line.preimages.tables) == 1


def test_a_task_takes_its_digest_and_its_values():
    sizes = [len(msgspec.msgpack.encode(written([Part(n + 300) for n in range(count)])[0])) for count in (64, 128)]
    assert (sizes[1] - sizes[0]) / 64 < 25


def test_outputs_that_are_not_alike_are_written_as_text():
    mixed = [Whole(f"{n}", [Part(n).output(), Other(n).output()]) for n in range(9)]
    (line,) = written(mixed)
    check(mixed, [line])
    assert not line.preimages.tables
    assert line.preimages.cuts


@pytest.mark.parametrize(
    "keys",
    [
        ("{d}.a\n", "{d}.a"),
        ("{d}.a", "\n{d}.a"),
        ("{d}.a", "{d}.aa"),
        ("{d}.aa", "{d}.a"),
        ("{d}.a", "{D}.a"),
        ("{d}.a", "{d}a.a"),
        ("{d}.a", "x"),
    ],
)
def test_ids_that_only_nearly_end_alike(keys):
    """They are made as a user's class might make them, whatever it is for."""
    outputs = []
    for number, key in enumerate(keys):
        part = Part(number)
        name, _, digest = part.task_id.rpartition(".")
        outputs.append(BinaryOutput(part, f"{name}.{key.format(d=digest, D=digest.upper())}"))
        outputs[-1].output_id  # noqa: B018
        outputs[-1].__dict__["__canonical_form__"] = "output", outputs[-1].output_id
    tasks: list[Task] = [Whole("a", outputs), Whole("b", fixed=tuple(outputs))]
    tasks += [Whole(f"{each.key!r}", one=each) for each in outputs]
    check(tasks, written(tasks))


def test_tasks_of_several_classes_have_a_line_each():
    tasks: list[Task] = []
    for number in range(6):
        tasks += Part(number), Other(number), Whole(f"{number}", one=Part(number)), Named(number)
    lines = written(tasks)
    check(tasks, lines)
    assert [len(line.shapes) for line in lines] == [6, 6, 6, 6, 6]  # the last of what is named in fields
    described = [describe(task, Defaults()) for task in tasks]
    made = TaskLines().lines(described, 0)
    assert [type(each.task) for each in made.tasks[:12]] == [Part] * 6 + [Other] * 6
    assert {each.spec.task_id for each in made.tasks} == {each.spec.task_id for each in described}


def test_a_version_of_its_own_for_each_task():
    tasks: list[Task] = [Versioned(number) for number in range(9)]
    check(tasks, written(tasks))


def test_a_task_without_a_canonical_form_is_left_out_and_the_others_are_there():
    good, bad = Whole("good", [Part(1).output()]), Whole("bad", [Part(2).output()])
    described = [describe(task, Defaults()) for task in (bad, good)]
    bad.many[0] = lambda: None
    made = TaskLines().lines(described, 0)
    assert [each.task for each in made.tasks] == [good]
    check([good], [msgspec.msgpack.decode(msgspec.msgpack.encode(line), type=MadeFromLine) for line in made.lines])


def test_a_line_that_does_not_fit_together_says_nothing():
    (line,) = written([Whole("a", [Part(n).output() for n in range(9)], number=n) for n in range(3)])
    packed, (table,) = line.preimages, line.preimages.tables
    replace = msgspec.structs.replace
    tables = [
        replace(table, digests=table.digests[1:]),
        replace(table, digests=table.digests[20:]),
        replace(table, counts=8),
        replace(table, counts=(9, 9)),
        replace(table, counts=(9, 9, 10)),
    ]
    columns = msgspec.msgpack.decode(packed.rest)
    short = {**columns[2], "number": columns[2]["number"][1:]}
    damaged = [
        replace(line, shapes=line.shapes[1:]),
        replace(line, digests=line.digests[1:]),
        replace(line, lengths=(1, 1, 1)),
        replace(line, preimages=replace(packed, rest=packed.rest[:-1])),
        replace(line, preimages=replace(packed, rest=msgspec.msgpack.encode([*columns[:2], short]))),
        *(replace(line, preimages=replace(packed, tables=(each,))) for each in tables),
    ]
    assert [each.tasks() for each in damaged] == [[]] * len(damaged)
    assert len(line.tasks()) == 3
