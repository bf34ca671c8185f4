"""Explanations from segments that are written by hand: each reason, and the path to what really differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, MemoryStorage, Output, Task, source
from alexflow.errors import NotRecorded
from alexflow.record import Change, Explanation, Record
from alexflow.record.lines import REASONS, CodeLine, Completion, CompletionLine
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
class Clean(Task):
    data: Output[Any]
    strict: bool = True

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="clean.json")


@dataclass(frozen=True)
class Train(Task):
    data: Any
    depth: int = 3
    config: Config = Config()
    note: str | None = None
    verbose: bool = field(default=True, compare=False)

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="model.json")


class History:
    """Tasks that have run, one each ten seconds."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        self.segment = HandWritten(self.storage)

    def ran(
        self, *tasks: Task, reason: str = "missing", digest: bytes = b"a" * 16, code: CodeLine | None = None
    ) -> None:
        for task in tasks:
            number = self.segment.count
            self.segment.made(task)
            if code is not None:
                self.segment.writer.add(CodeLine(number, number, code.digest, code.parts, code.marks))
            run = Completion(number, number * 10**7, 10**6, ((3, digest),), 1, REASONS.index(reason))
            self.segment.writer.add(CompletionLine([run]))
            self.segment.writer.flush()
            self.storage.write(task.output().key, b"[1]", replace=True)

    def explain(self, key: Any) -> Explanation:
        return self.record.explain(key)

    @property
    def record(self) -> Record:
        return alexflow.open_record(self.storage)


def paths(explanation: Explanation) -> list[tuple[str, Any, Any]]:
    return [(change.path, change.before, change.after) for change in explanation.changes]


@pytest.fixture
def history() -> History:
    return History()


def test_the_first_task_of_a_class(history: History) -> None:
    history.ran(Load("a"), Train(1))
    found = history.explain(Train(1).output().key)
    assert (found.reason, found.nearest, found.changes) == ("first", None, ())
    assert str(found) == f"{Train(1).task_id} ran: no task of its class had run"


def test_the_field_that_differs(history: History) -> None:
    history.ran(Train(1), Train(1, depth=5))
    found = history.explain(Train(1, depth=5).output().key)
    assert (found.reason, found.nearest) == ("changed", Train(1).output().key)
    assert found.changes == (Change("Train.depth", 3, 5, "field"),)
    assert str(found).splitlines()[2].strip() == "Train.depth: 3 → 5"
    assert found.to_json() == {
        "task_id": Train(1, depth=5).task_id,
        "reason": "changed",
        "nearest": Train(1).output().key,
        "changes": [{"path": "Train.depth", "before": 3, "after": 5, "kind": "field", "via": []}],
        "has_run": True,
        "guessed": [],
        "since": [],
    }


def test_a_field_inside_of_others(history: History) -> None:
    history.ran(Train({"a": [1, 2]}), Train({"a": [1, 3]}, config=Config(0.1, (3, 4, 5)), note="x"))
    found = history.explain(Train({"a": [1, 3]}, config=Config(0.1, (3, 4, 5)), note="x"))
    assert paths(found) == [("Train.config.layers.2", None, 5), ("Train.data.a.1", 2, 3), ("Train.note", None, "x")]


def test_values_of_other_types_differ(history: History) -> None:
    history.ran(Train([1]), Train([True]))
    assert paths(history.explain(Train([True]))) == [("Train.data.0", 1, True)]


def test_the_nearest_has_the_fewest_fields_that_differ_and_is_the_newest_of_these(history: History) -> None:
    history.ran(Train(1), Train(2, depth=4, note="y"), Train(3), Train(9, depth=4, note="y"), Train(4))
    assert history.explain(Train(4)).nearest == Train(3).output().key


def test_what_ran_later_is_no_cause(history: History) -> None:
    history.ran(Train(1), Train(2, depth=4), Train(2))
    assert history.explain(Train(2, depth=4)).nearest == Train(1).output().key


def test_a_field_upstream(history: History) -> None:
    before, after = (Clean(Load(name).output()) for name in "ab")
    history.ran(before.data.src_task, before, Train(before.output()))
    history.ran(after.data.src_task, after, Train(after.output()))
    found = history.explain(Train(after.output()))
    assert found.changes == (Change("Load.name", "a", "b", "field", ("Train.data", "Clean.data")),)
    assert str(found).endswith("Load.name: 'a' → 'b' (through Train.data, Clean.data)")


def test_what_several_fields_lead_to_is_said_once(history: History) -> None:
    before, after = ([Clean(Load(name).output(), strict).output() for strict in (True, False)] for name in "ab")
    for outputs in (before, after):
        history.ran(*(output.src_task.data.src_task for output in outputs), *(output.src_task for output in outputs))
        history.ran(Train(outputs))
    assert paths(history.explain(Train(after))) == [("Load.name", "a", "b")]


def test_an_upstream_task_of_another_class(history: History) -> None:
    loaded = Load("a")
    history.ran(loaded, Train(loaded.output()), Clean(loaded.output()), Train(Clean(loaded.output()).output()))
    (change,) = history.explain(Train(Clean(loaded.output()).output())).changes
    assert (change.kind, change.before, change.after) == (
        "class",
        loaded.output().key,
        Clean(loaded.output()).output().key,
    )


@dataclass(frozen=True)
class Read(Task):
    """``Load`` by another name."""

    name: str

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="data.json")


def test_a_class_by_another_name(history: History) -> None:
    """All places in one line, with what keeps the results; what differs behind it is found all the same."""
    for cls in (Load, Read):
        loads = [cls("a"), cls("b")]
        history.ran(*loads, Train([load.output() for load in loads]))
    found = history.explain(Train([Read("a").output(), Read("b").output()]))
    name = Load("a").task_id.rpartition(".")[0]
    (line,) = str(found).splitlines()[2:]
    assert line.strip().startswith(f"Train.data.*: {name} → {name.replace('Load', 'Read')}, with equal parameters in 2")
    assert line.endswith(f"if it was renamed, task_name = {name!r} on the class keeps its results")
    assert len(found.changes) == 2  # for programs each place stands alone


def test_a_field_behind_a_class_by_another_name(history: History) -> None:
    history.ran(Load("a"), Train(Load("a").output()), Read("b"), Train(Read("b").output()))
    found = history.explain(Train(Read("b").output()))
    assert {(change.kind, change.path) for change in found.changes} == {("class", "Train.data"), ("field", "Read.name")}


def test_many_places_that_were_empty(history: History) -> None:
    loads = [Load(name) for name in "abc"]
    history.ran(*loads, Train([]), Train([load.output() for load in loads]))
    (line,) = str(history.explain(Train([load.output() for load in loads]))).splitlines()[2:]
    assert line.strip() == f"Train.data.*: nothing → {Load('a').task_id.rpartition('.')[0]} in 3 places"


def test_the_version_of_a_class(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    history.ran(Train(1))
    monkeypatch.setattr(Train, "version", "2", raising=False)
    history.ran(Train(1))
    assert paths(history.explain(Train(1))) == [("Train.version", None, "2")]


def test_the_bytes_of_a_source(history: History, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tasks = []
    for text in ("one", "two"):
        (tmp_path / "data.csv").write_text(text)
        tasks.append(Train(source(tmp_path / "data.csv")))
        history.ran(tasks[-1])
    (change,) = history.explain(tasks[1]).changes
    assert (change.path, change.kind) == ("Train.data", "source")
    digests = [task.data.key.rpartition(".")[2] for task in tasks]
    assert [change.before, change.after] == digests
    assert str(change) == f"Train.data: source {digests[0][:8]} → {digests[1][:8]}"
    history.ran(without := Train([]))
    assert history.explain(Train([tasks[0].data])).nearest == without.output().key
    assert str(history.explain(Train([tasks[0].data]))).endswith(f"Train.data.0: nothing → source {digests[0][:8]}")


def code(**units: str) -> CodeLine:
    return CodeLine(0, 0, "+".join(f"{name}{digest}" for name, digest in units.items()), tuple(units.items()))


def test_code_that_differs_is_named(history: History) -> None:
    history.ran(Train(1), code=code(run="1", scale="1"))
    history.ran(Train(1), reason="forced", code=code(run="1", scale="2", added="1"))
    found = history.explain(Train(1).task_id)
    assert found.reason == "forced"
    assert [(change.path, change.kind) for change in found.changes] == [("added", "code"), ("scale", "code")]
    assert str(found).splitlines()[-1].strip() == "the code of scale differs"


def test_what_the_code_reaches_by_a_guess_is_said(history: History) -> None:
    guess = "an import of a name made at run time in pkg.train"
    history.ran(Train(1), code=CodeLine(0, 0, "one", (("run", "1"),), (guess,)))
    history.ran(Train(1, depth=4), code=CodeLine(0, 0, "two", (("run", "1"),)))
    first, second = history.explain(Train(1).task_id), history.explain(Train(1, depth=4).task_id)
    assert (first.guessed, second.guessed) == ((guess,), ())
    assert str(first).splitlines()[-1].strip() == f"guessed: {guess}"
    assert first.to_json()["guessed"] == [guess]
    assert history.record.code_marks("one") == (guess,)


def test_a_field_and_the_code_at_once(history: History) -> None:
    history.ran(Train(1), code=code(run="1"))
    history.ran(Train(1, depth=4), code=code(run="2"))
    assert paths(history.explain(Train(1, depth=4).task_id)) == [("Train.depth", 3, 4), ("run", "1", "2")]


@pytest.mark.parametrize(("written", "reason"), [("missing", "removed"), ("forced", "forced"), ("damaged", "damaged")])
def test_a_task_that_ran_before(history: History, written: str, reason: str) -> None:
    history.ran(Train(1), Train(2))
    history.ran(Train(1), reason=written)
    found = history.explain(Train(1))
    assert (found.reason, found.nearest, found.changes) == (reason, Train(1).output().key, ())


def test_an_input_that_was_made_again(history: History) -> None:
    train = Train(Load("a").output())
    history.ran(Load("a"), train)
    history.ran(Load("a"), digest=b"b" * 16, reason="forced")
    history.ran(train, reason="upstream")
    found = history.explain(train)
    assert found.reason == "upstream"
    assert found.changes == (Change(Load("a").output().key, (b"a" * 16).hex(), (b"b" * 16).hex(), "input"),)


def test_a_task_that_has_not_run(history: History) -> None:
    before, after = (Train(Load(name).output()) for name in "ab")
    history.ran(before.data.src_task, before)
    found = history.explain(after)
    assert (found.reason, found.has_run, paths(found)) == ("changed", False, [("Load.name", "a", "b")])
    assert "will run" in str(found)
    with pytest.raises(NotRecorded):
        history.explain(after.task_id)


def test_a_task_of_which_the_output_is_gone(history: History) -> None:
    history.ran(Train(1))
    history.storage.remove_many([Train(1).output().key])
    found = history.explain(Train(1).output())
    assert (found.reason, found.has_run) == ("removed", False)


def test_a_long_chain(history: History) -> None:
    for name in "ab":
        chain: list[Any] = [Load(name)]
        for _ in range(300):
            chain.append(Clean(chain[-1].output()))
        last = Train(chain[-1].output())
        history.ran(*chain, last)
    (change,) = history.explain(last).changes
    assert (change.path, len(change.via)) == ("Load.name", 301)
