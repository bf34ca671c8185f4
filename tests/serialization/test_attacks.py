"""A document runs nothing: each place that names a class takes classes of one kind only."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from alexflow import deserialize, serialize
from alexflow.errors import DocumentError
from alexflow.serialization import FORMAT, VERSION, from_json, from_msgpack, to_json, to_msgpack
from tests.serialization import documented
from tests.serialization.documented import Config, Value


@pytest.fixture(autouse=True)
def nothing_was_called(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(sys.modules, "here", documented)  # a short name for the module of the classes under test
    documented.CALLS.clear()
    yield
    assert documented.CALLS == []


def document(root: Any, *nodes: Any) -> dict[str, Any]:
    return {"format": FORMAT, "version": VERSION, "root": root, "nodes": list(nodes)}


NODE = serialize(Value(1))["nodes"][0]

ATTACKS: list[tuple[Any, str]] = [
    ({"$": "dataclass", "class": "here:record", "fields": {}}, "root.class: here:record is not a dataclass"),
    ({"$": "dataclass", "class": "posix:system", "fields": {}}, "root.class: posix:system is not a dataclass"),
    (
        {"$": "dataclass", "class": "os:system", "fields": {"command": "true"}},
        "root.class: os:system is not a dataclass",
    ),
    ({"$": "dataclass", "class": "here:Value", "fields": {}}, "root.class: here:Value is not a dataclass"),
    (
        {"$": "dataclass", "class": "alexflow.formats.json:JSONOutput", "fields": {}},
        "root.class: alexflow.formats.json:JSONOutput is not a dataclass",
    ),
    (
        {"$": "dataclass", "class": "alexflow.storage.local:LocalStorage", "fields": {"base_path": "x"}},
        "root.class: alexflow.storage.local:LocalStorage is not a dataclass",
    ),
    (
        {"$": "dataclass", "class": "subprocess:Popen", "fields": {"args": ["true"]}},
        "root.class: subprocess:Popen is not a dataclass",
    ),
    ({"$": "storage", "class": "here:Config", "fields": {}}, "root.class: here:Config is not a storage"),
    (
        {"$": "storage", "class": "alexflow.storage.memory:MemoryStorage", "fields": {}},
        "root.class: alexflow.storage.memory:MemoryStorage is not a storage",
    ),
    (
        {"$": "output", "class": "here:Config", "task": NODE["id"], "key": "k"},
        "root.class: here:Config is not an output",
    ),
    (
        {"$": "output", "class": "os:system", "task": NODE["id"], "key": "true"},
        "root.class: os:system is not an output",
    ),
    ({"$": "struct", "class": "here:Config", "fields": {}}, "root.class: here:Config is not a msgspec.Struct"),
    ({"$": "enum", "class": "here:Config", "name": "x"}, "root.class: here:Config is not an enum"),
    ({"$": "enum", "class": "subprocess:Popen", "value": ["true"]}, "root.class: subprocess:Popen is not an enum"),
    ({"$": "enum", "class": "enum:Enum", "value": "Made"}, "root.value: Enum has no flags to combine"),
    ({"$": "enum", "class": "enum:Flag", "value": 1}, "root.value: Flag has no flags to combine"),
    ({"$": "namedtuple", "class": "builtins:eval", "items": ["1"]}, "root.class: builtins:eval is not a namedtuple"),
    ({"$": "namedtuple", "class": "builtins:tuple", "items": []}, "root.class: builtins:tuple is not a namedtuple"),
    ({"$": "path", "class": "builtins:open", "value": "x"}, "root.class: builtins:open is not a path"),
    ({"$": "type", "name": "here:record"}, "root.name: here:record is not a class"),
    ({"$": "type", "name": "posix:system"}, "root.name: posix:system is not a class"),
    ({"$": "type", "name": "here:Plain.trap"}, "root.name: here:Plain.trap is not a class"),
    ({"$": "type", "name": "here:msgspec"}, "root.name: here:msgspec is not a class"),
    ({"$": "type", "name": "here:Path"}, "root.name: here:Path is another name of pathlib"),
    ({"$": "function", "name": "here:Config"}, "root.name: here:Config is not a function"),
    ({"$": "function", "name": "here:CALLS.append"}, "root.name: there is no here:CALLS.append"),
    ({"$": "function", "name": "os:system"}, "root.name: os:system is another name of posix:system"),
    ({"$": "function", "name": "here:Value.__class__"}, "root.name: there is no here:Value.__class__"),
    ({"$": "module", "name": 5}, "root.name: expected the name of a module, not 5"),
]


@pytest.mark.parametrize(("root", "message"), ATTACKS, ids=lambda case: f"{case!r:.70}")
def test_a_name_of_another_kind_is_refused(root: Any, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        deserialize(document(root, NODE))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["os:system", "builtins:eval", "here:record", "here:Config", "subprocess:Popen"])
def test_a_node_is_a_task(name: str) -> None:
    with pytest.raises(DocumentError, match=rf"^nodes\[0\]\.class: {name} is not a task$"):
        deserialize(document(None, {"id": "x", "class": name, "fields": {}}))


def test_a_function_is_handed_over_and_not_called() -> None:
    assert (
        deserialize(document({"$": "function", "name": "tests.serialization.documented:record"})) is documented.record
    )


def test_the_reader_asks_no_descriptor_and_no_module_getattr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documented, "__getattr__", documented.record, raising=False)
    with pytest.raises(DocumentError, match=r"^root\.name: there is no tests.serialization.documented:absent"):
        deserialize(document({"$": "type", "name": "tests.serialization.documented:absent"}))


def test_modules_bounds_what_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "imported_by_document.py").write_text("raise SystemExit('ran')")
    monkeypatch.syspath_prepend(tmp_path)
    named = document({"$": "module", "name": "imported_by_document"})
    refusal = r"^root\.name: the module imported_by_document is not among those allowed by modules="
    for modules in ((), ("tests.serialization.documented",), ("imported_by",), ("imported_by_document.sub",)):
        with pytest.raises(DocumentError, match=refusal):
            deserialize(named, modules=modules)
    with pytest.raises(DocumentError, match=r"cannot be imported: SystemExit: ran"):
        deserialize(named, modules=("imported_by_document",))
    assert "imported_by_document" not in sys.modules


def test_modules_allows_what_it_names_and_alexflow() -> None:
    output = Value(Config(1.0)).output()
    assert deserialize(serialize(output), modules=("tests.serialization.documented",)) == output
    assert from_json(to_json(output), modules=["tests.serialization.documented"]) == output
    assert from_msgpack(to_msgpack(output), modules={"tests.serialization.documented"}) == output
    with pytest.raises(DocumentError, match=r"^nodes\[0\]\.fields\.value\.name: the module builtins is not among"):
        deserialize(serialize(Value(len)), modules=("tests.serialization.documented",))
    with pytest.raises(TypeError, match="not a string"):
        deserialize(serialize(output), modules="tests.serialization.documented")


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ({"$": "struct", "class": "here:msgspec.Struct", "fields": {}}, "root.class: there is no here:msgspec.Struct"),
        ({"$": "path", "class": "here:Path", "value": "a"}, "root.class: the module pathlib"),
        ({"$": "enum", "class": "here:enum.Flag", "value": 1}, "root.class: there is no here:enum.Flag"),
    ],
)
def test_a_module_that_is_allowed_lends_no_others(root: Any, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        deserialize(document(root), modules=("here", "tests.serialization.documented"))
    assert str(caught.value).startswith(message)


def test_a_class_that_is_local_can_be_written_but_not_found() -> None:
    class Local:
        pass

    with pytest.raises(
        DocumentError, match=r"^root\.name: tests.serialization.test_attacks:.*<locals>\.Local is local to a function"
    ):
        deserialize(serialize(Local))
