"""A bad document gets an error that begins with the path to the fault."""

from __future__ import annotations

import copy
import sys
from typing import Any

import pytest

from alexflow import deserialize, serialize
from alexflow.errors import DocumentError
from alexflow.identity import short_repr
from alexflow.serialization import from_json, from_msgpack
from tests.serialization import documented
from tests.serialization.documented import Config, Join, Strict, Value, Versioned

DOCUMENT = serialize(Join(Value([1, {"k": Config(1.0)}]).output(), Value(2).output()))
FIRST, SECOND, LAST = (node["id"] for node in DOCUMENT["nodes"])


def with_change(path: list[Any], value: Any) -> Any:
    document: Any = copy.deepcopy(DOCUMENT)
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return document


TASK = {"$": "task", "id": FIRST}
OUTPUT = {"$": "output", "class": "alexflow.formats.json:JSONOutput", "task": FIRST, "key": "k"}
CASES: list[tuple[list[Any], Any, str]] = [
    (["format"], "other", "format: this is not a document of the format 'alexflow/graph'"),
    (["format"], KeyError, "format: this is not a document"),
    (["version"], 2, "version: this alexflow reads version 1, not 2; install a newer one"),
    (["version"], "1", "version: expected a number from 1, not '1'"),
    (["version"], True, "version: expected a number from 1, not True"),
    (["version"], KeyError, "'version' is missing"),
    (["root"], KeyError, "'root' is missing"),
    (["more"], 1, "'more' does not belong here"),
    (["nodes"], {}, "nodes: expected a list, not dict"),
    (["nodes", 1], 5, "nodes[1]: expected an object, not int"),
    (["nodes", 1, "id"], KeyError, "nodes[1]: 'id' is missing"),
    (["nodes", 1, "id"], 5, "nodes[1].id: expected a string, not int"),
    (["nodes", 1, "id"], FIRST, f"nodes[1].id: '{FIRST}' is the id of an earlier node"),
    (
        ["nodes", 1, "id"],
        "other.Value.0",
        "nodes[1].id: the document was written with the id 'other.Value.0', but tests.serialization.documented:Value",
    ),
    (["nodes", 1, "id"], f"{SECOND}#x", "nodes[1].id: the document was written with the id"),
    (["nodes", 1, "class"], KeyError, "nodes[1]: 'class' is missing"),
    (["nodes", 1, "class"], 5, 'nodes[1].class: expected "module:qualname", not 5'),
    (["nodes", 1, "class"], "a.Value", "nodes[1].class: expected \"module:qualname\", not 'a.Value'"),
    (["nodes", 1, "class"], ":Value", 'nodes[1].class: expected "module:qualname"'),
    (["nodes", 1, "class"], ".relative:Value", "nodes[1].class: expected the name of a module, not '.relative'"),
    (["nodes", 1, "class"], "here:Gone", "nodes[1].class: there is no here:Gone; it may have been renamed or moved"),
    (["nodes", 1, "class"], "here:Value.output.x", "nodes[1].class: there is no here:Value.output.x"),
    (
        ["nodes", 1, "class"],
        "no_such_module.at_all:X",
        "nodes[1].class: the module no_such_module.at_all cannot be imported: ModuleNotFoundError",
    ),
    (["nodes", 1, "class"], "here:f.<locals>.X", "nodes[1].class: here:f.<locals>.X is local to a function"),
    (["nodes", 1, "fields"], KeyError, "nodes[1]: 'fields' is missing"),
    (["nodes", 1, "fields"], [], "nodes[1].fields: expected an object, not list"),
    (["nodes", 1, "fields", "loss x"], 1, "nodes[1].fields['loss x']: Value has no field 'loss x'"),
    (["nodes", 1, "fields", "value"], (1,), "nodes[1].fields.value: a tuple has no place in a document"),
    (["nodes", 1, "fields", "value"], 2**64, "nodes[1].fields.value: an integer of more than 64 bits must be tagged"),
    (["nodes", 1, "fields", "value"], float("nan"), "nodes[1].fields.value: a number that is not finite must"),
    (["nodes", 1, "fields", "value"], {5: 1}, "nodes[1].fields.value: the key 5 of an object is not a string"),
    (["nodes", 1, "fields", "value"], {"$": "pickle"}, "nodes[1].fields.value['$']: unknown tag 'pickle'"),
    (["nodes", 1, "fields", "value"], {"$": []}, "nodes[1].fields.value['$']: unknown tag []"),
    (["nodes", 1, "fields", "resource_spec"], {"$": "task", "id": LAST}, "nodes[1].fields.resource_spec.id: refers to"),
    (
        ["nodes", 0, "fields", "value", 1, "k", "fields", "rate"],
        KeyError,
        "nodes[0].fields.value[1].k.fields.rate: is missing, and Config has no default for it",
    ),
    (
        ["nodes", 0, "fields", "value", 1, "k", "fields", "rate"],
        {"$": "float", "value": "x"},
        "nodes[0].fields.value[1].k.fields.rate.value: 'x' is malformed: expected nan, inf or -inf",
    ),
    (["nodes", 0, "fields", "value", 1, "k", "more"], 1, "nodes[0].fields.value[1].k: 'more' does not belong here"),
    (["nodes", 2, "fields", "left"], None, "nodes[2]: Join cannot be made from these fields: Join.left is None"),
    (
        ["nodes", 2, "fields", "left", "task"],
        LAST,
        f"nodes[2].fields.left.task: refers to '{LAST}', but no earlier node has this id",
    ),
    (
        ["nodes", 2, "fields", "left", "key"],
        "../x",
        "nodes[2].fields.left.key: the output key '../x' could leave",
    ),
    (["nodes", 2, "fields", "left", "key"], 1, "nodes[2].fields.left.key: expected str, not int"),
    (["nodes", 2, "fields", "left", "ephemeral"], 1, "nodes[2].fields.left.ephemeral: expected bool, not int"),
    (
        ["nodes", 2, "fields", "left", "fields"],
        {"storage": "x"},
        "nodes[2].fields.left.fields.storage: JSONOutput has no field 'storage'",
    ),
    (["root"], {"$": "task", "id": "nobody"}, "root.id: refers to 'nobody', but no earlier node has this id"),
    (["root"], {"$": "task", "id": []}, "root.id: refers to [], but no earlier node has this id"),
    (["root"], [1, {"$": "set", "items": [[]]}], "root[1].items: not for a set: unhashable type: 'list'"),
    (["root"], {"$": "tuple", "items": 5}, "root.items: expected a list, not int"),
    (["root"], {"$": "dict", "entries": 5}, "root.entries: expected a list, not int"),
    (["root"], {"$": "dict", "entries": [[1]]}, "root.entries[0]: expected a list of a key and a value"),
    (["root"], {"$": "dict", "entries": [[1, 2], [[], 2]]}, "root.entries[1][0]: a list cannot be a key"),
    (["root"], {"$": "dict", "entries": [[1, {"$": "x"}]]}, "root.entries[0][1]['$']: unknown tag 'x'"),
    (["root"], {"$": "bytes", "value": "???"}, "root.value: '???' is malformed"),
    (["root"], {"$": "bytes", "value": 1}, "root.value: expected str, not int"),
    (["root"], {"$": "int", "value": "12"}, "root.value: '12' is malformed: expected 0x"),
    (["root"], {"$": "decimal", "value": "x"}, "root.value: 'x' is malformed"),
    (["root"], {"$": "uuid", "value": "x"}, "root.value: 'x' is malformed"),
    (["root"], {"$": "date", "value": "2024-13-01"}, "root.value: '2024-13-01' is malformed"),
    (
        ["root"],
        {"$": "datetime", "value": "2024-01-01T00:00:00", "zone": "../etc/passwd"},
        "root.zone: '../etc/passwd' is malformed",
    ),
    (
        ["root"],
        {"$": "datetime", "value": "2024-01-01T00:00:00", "zone": "No/Where"},
        "root.zone: 'No/Where' is malformed",
    ),
    (["root"], {"$": "datetime", "value": "2024-01-01T00:00:00", "fold": 2}, "root.fold: 2 is malformed"),
    (["root"], {"$": "timedelta", "days": 10**10, "seconds": 0, "microseconds": 0}, "root: "),
    (["root"], {"$": "timedelta", "days": 1.5, "seconds": 0, "microseconds": 0}, "root.days: expected int, not float"),
    (["root"], {"$": "complex", "real": 1, "imag": 0.0}, "root: 'real' and 'imag' are floats"),
    (["root"], {"$": "path", "value": "a", "pure": "mac"}, "root.pure: expected 'posix' or 'windows', not 'mac'"),
    (["root"], {"$": "enum", "class": "here:Colour", "name": "GREEN"}, "root.name: Colour has no member 'GREEN'"),
    (["root"], {"$": "enum", "class": "here:Access", "value": 64}, "root.value: 64 is malformed"),
    (["root"], {"$": "enum", "class": "here:Colour", "value": 2}, "root.value: Colour has no flags to combine"),
    (["root"], {"$": "namedtuple", "class": "here:Point", "items": [1]}, "root.items: Point has 2 items, not 1"),
    (
        ["root"],
        {"$": "struct", "class": "here:Settings", "fields": {}},
        "root: Settings cannot be made from these fields: Missing required argument 'depth'",
    ),
    (
        ["root"],
        {"$": "dataclass", "class": "here:Strict", "fields": {"size": -1}},
        "root: Strict cannot be made from these fields: a size is not negative",
    ),
    (["root"], {**OUTPUT, "more": 1}, "root: 'more' does not belong here"),
    (["root"], {**OUTPUT, "class": "here:Careless", "key": "../x"}, "root.key: the output key '../x' could leave"),
    (["root"], {**OUTPUT, "class": "here:Careless", "key": "/etc/x"}, "root.key: the output key '/etc/x' could leave"),
    (["root"], {**OUTPUT, "key": "\ud800"}, "root.key: the output key '\\ud800' is not a text that UTF-8 can write"),
    (["root"], "\ud800", "root: not a text that UTF-8 can write"),
    (["root"], {"\ud800": 1}, "root: not a text that UTF-8 can write"),
    (["root"], {"$": "set", "items": [1, 1]}, "root.items: two of them are equal, which a set cannot hold"),
    (["root"], {"$": "set", "items": [1, True]}, "root.items: two of them are equal, which a set cannot hold"),
    (["root"], {"$": "dict", "entries": [[1, 2], [1, 3]]}, "root.entries: two of them are equal, which a dict cannot"),
    (["root"], {"$": "enum", "class": "here:Access", "name": "READ", "value": 1}, "root: 'name' and 'value' exclude"),
    (["root"], {"$": "dataclass", "class": "here:Halfway", "fields": {}}, "root: Halfway.value has `encode` metadata"),
    (["root"], {"$": "decimal", "value": "1e9999999999999999999"}, "root.value: '1e9999999999999999999' is malformed"),
    (["version"], 10**5000, "version: this alexflow reads version 1, not <an integer of 16610 bits>"),
    (["root"], {10**5000: 1}, "root: the key <an integer of 16610 bits> of an object is not a string"),
    (["root"], {"$": 10**5000}, "root['$']: unknown tag <an integer of 16610 bits>"),
    (["root"], {"$": "task", "id": ["x" * 10**6] * 100}, "root.id: refers to ['xxx"),
]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short name for the module of the classes under test."""
    monkeypatch.setitem(sys.modules, "here", documented)


def test_the_document_under_test_is_well_formed() -> None:
    assert deserialize(DOCUMENT) == Join(Value([1, {"k": Config(1.0)}]).output(), Value(2).output())
    assert deserialize({**DOCUMENT, "root": [TASK, OUTPUT]})[0].value == [1, {"k": Config(1.0)}]
    assert deserialize(serialize(Strict(1))) == Strict(1)


@pytest.mark.parametrize(("path", "value", "message"), CASES, ids=lambda case: short_repr(case)[:60])
def test_a_fault_is_named_with_its_path(path: list[Any], value: Any, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        deserialize(with_change(path, value))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("document", [None, [], "x", 5])
def test_what_is_no_document(document: Any) -> None:
    with pytest.raises(DocumentError, match="expected an object"):
        deserialize(document)


def test_bytes_that_are_neither_json_nor_msgpack() -> None:
    for data in (b"{", b"", b"[" * 100_000, b'"\xff"', '"\ud800"', b'"\\ud800"', b"1e999"):
        with pytest.raises(DocumentError, match=r"^not JSON: "):
            from_json(data)
    for data in (b"\xc1", b"", b"\xdd\xff\xff\xff\xff", b"\x91" * 100_000, b"\x81\x80\x01"):
        with pytest.raises(DocumentError, match=r"^not MessagePack: "):
            from_msgpack(data)


def test_a_class_that_has_changed_since(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Versioned(1)
    document = task.serialize()
    monkeypatch.setattr(Versioned, "version", 2)
    with pytest.raises(DocumentError) as caught:
        deserialize(document)
    message = str(caught.value)
    assert message.startswith("nodes[0].id: ")
    assert "has changed since" in message
    assert task.task_id in message
    assert Versioned(1).task_id in message
