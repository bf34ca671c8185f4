"""Ids under the former specs keep further promises besides being those of 1.1.4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import pytest

import alexflow
from alexflow import BinaryOutput, legacy
from alexflow.errors import DocumentError, IdentityError
from alexflow.legacy import FormerIds


@dataclass(frozen=True)
class Link(legacy.Task):
    before: Any = None

    def output(self):
        return self.build_output(BinaryOutput, key="link.pkl")


@dataclass(frozen=True)
class Marked(FormerIds, alexflow.Task):
    """Keeps its ids, without the base."""

    before: Any = None


@dataclass(frozen=True)
class Today(alexflow.Task):
    before: Any = None


@dataclass(frozen=True)
class Unknown(FormerIds, alexflow.Task):
    _task_spec: ClassVar[str] = "7"


def test_a_chain_may_be_longer_than_python_recurses():
    link = Link()
    for _ in range(20_000):
        link = Link(link.output() if link.before is None else link)
    assert len(link.task_id.rpartition(".")[2]) == 40


def test_a_class_of_today_may_keep_its_ids():
    assert Marked(1).task_id.rpartition(".")[2] == Link(1).task_id.rpartition(".")[2]


def test_an_instance_may_carry_another_spec():
    assert Link(1, _task_spec="2").task_id.rpartition(".")[2] == Today(1).task_id.rpartition(".")[2]
    assert Link(1, _task_spec=None).task_id != Link(1).task_id


def test_tasks_of_both_kinds_mix():
    assert Today(Link()).task_id != Today(Link(_task_spec=None)).task_id
    assert Link(Today(1)).task_id != Link(Today(2)).task_id
    assert Link([Today(1)]).task_id != Link([Today(2)]).task_id


def test_storages_of_today_are_those_of_1_x_to_ids_and_documents(tmp_path):
    """A code base may change its imports before its ids."""
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    former = legacy.CompositeStorage(legacy.LocalStorage(lower), legacy.LocalStorage(upper))
    today = alexflow.storage.OverlayStorage(alexflow.LocalStorage(lower, fsync=True), alexflow.LocalStorage(upper))
    assert Link(today).task_id == Link(former).task_id
    assert legacy.serialize(today) == legacy.serialize(former)
    assert legacy.deserialize(legacy.serialize(today)) == former


def test_a_storage_that_1_x_does_not_have_is_refused():
    with pytest.raises(IdentityError, match=r"^Link\.before: MemoryStorage"):
        _ = Link(alexflow.MemoryStorage()).task_id
    with pytest.raises(IdentityError, match=r"^OverlayStorage\.read_only: MemoryStorage"):
        _ = Link(alexflow.storage.OverlayStorage(alexflow.MemoryStorage(), alexflow.MemoryStorage())).task_id


def test_an_unknown_spec_is_refused():
    with pytest.raises(IdentityError, match=r"^Unknown\._task_spec: there is no id spec '7'"):
        _ = Unknown().task_id


class Point(NamedTuple):
    x: int
    y: int


ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    "value", [{1, 2}, b"bytes", 1 + 2j, object(), {(1, 2): 3}, Point(1, 2), [Point(1, 2)], ENDLESS]
)
def test_what_1_1_4_refuses_is_refused_with_the_path_to_it(value):
    with pytest.raises(IdentityError, match=r"^Link\.before: "):
        _ = Link(value).task_id


def test_documents_of_today_keep_the_spec():
    for spec in ("1.0.0", None, "2"):
        task = Link(1, _task_spec=spec)
        again = alexflow.deserialize(alexflow.serialize(task))
        assert again == task
        assert again._task_spec == spec


def test_a_task_of_today_is_not_written_as_one_of_1_x():
    with pytest.raises(DocumentError, match=r"^Link\.before: has the id spec '2'"):
        legacy.serialize(Link(Today(1)))


def test_a_document_of_1_x_is_not_read_into_a_class_that_gives_other_ids():
    with pytest.raises(DocumentError, match=r"_task_spec: Today gives ids of spec '2'.*derive the class"):
        legacy.deserialize({"before": 1, "_task_spec": "1.0.0", "__ser__": f"{__name__}:Today"})


def test_a_document_of_1_x_may_name_allowed_modules_only():
    document = legacy.serialize(Link(1))
    assert legacy.deserialize(document, modules=[__name__]) == Link(1)
    with pytest.raises(DocumentError, match="not among those allowed"):
        legacy.deserialize(document, modules=["json"])


@pytest.mark.parametrize(
    "document",
    [
        {"__ser__": "os:system", "value": "true"},
        {"__ser__": "subprocess:Popen", "args": "true"},
        {"__ser__": "tuple"},
        {"__ser__": "tuple", "value": 3},
        {"__ser__": "datetime", "value": "soon"},
        {"__ser__": "function", "value": "builtins:int"},
        {"__ser__": "OrderedDict", "value": [[1, 2, 3]]},
        {"__ser__": 3},
    ],
)
def test_malformed_documents_of_1_x_are_refused(document):
    with pytest.raises(DocumentError):
        legacy.deserialize(document)
