"""42: a document from a stranger, read with ``modules=``, is loaded and run: it gets at nothing but its own tasks."""

from __future__ import annotations

import hashlib
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import BinaryOutput, JSONOutput, LocalStorage, Output, Task, deserialize, formats, legacy, serialize
from alexflow.errors import DocumentError
from alexflow.formats import TextOutput
from alexflow.serialization import to_json, to_msgpack
from alexflow.serialization.document import from_json, from_msgpack

HERE = (__name__,)


@dataclass(frozen=True)
class Secret(Task):
    """Somebody else's result."""

    who: str

    def output(self) -> Any:
        return self.build_output(JSONOutput[str], key="secret.json")

    def run(self, input: None, output: Any) -> None:
        output.store(f"secret of {self.who}")


@dataclass(frozen=True)
class Passing(Secret):
    """A task with an output that is ephemeral because its class says so."""

    def output(self) -> Any:
        return super().output().as_ephemeral()


@dataclass(frozen=True)
class Pickled(Secret):
    def output(self) -> Any:
        return self.build_output(BinaryOutput[str], key="secret.pkl")


@dataclass(frozen=True)
class Named(Task):
    """A task with a key that is a parameter."""

    name: str

    def output(self) -> Any:
        return JSONOutput[str](src_task=self, key=self.name)


@dataclass(frozen=True)
class OneOfTwo(Named):
    def output(self) -> Any:
        return [self.build_output(JSONOutput[str], key="own.json"), super().output()]


@dataclass(frozen=True)
class Reading(Named):
    """A task with an input under a key that is a parameter."""

    def input(self) -> Any:
        return JSONOutput[str](src_task=Secret("a"), key=self.name)

    def output(self) -> Any:
        return self.build_output(JSONOutput[str], key="own.json")


@dataclass(frozen=True)
class OldNamed(legacy.Task):
    name: str

    def output(self) -> Any:
        return JSONOutput[str](src_task=self, key=self.name)


@dataclass(frozen=True)
class Broken(Secret):
    def output(self) -> Any:
        raise SystemExit("no output")


@dataclass(frozen=True)
class Train(Task):
    data: Any

    def input(self) -> Any:
        return self.data

    def output(self) -> Any:
        return self.build_output(JSONOutput[str], key="train.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(f"from {input.load()}")


class Evil:
    def __init__(self, path: str):
        self.path = path

    def __reduce__(self) -> Any:
        return exec, (f"open({self.path!r}, 'w')",)


def document(root: Any, *tasks: Task) -> dict[str, Any]:
    nodes = {node["id"]: node for task in tasks for node in serialize(task)["nodes"]}
    return {"format": "alexflow/graph", "version": 1, "root": root, "nodes": list(nodes.values())}


def output_of(task: Task, kind: type, key: str = "", **more: Any) -> dict[str, Any]:
    name = f"{kind.__module__}:{kind.__qualname__}"
    return {"$": "output", "class": name, "task": task.task_id, "key": key or task.output().key, **more}


@pytest.fixture
def source(tmp_path: Path) -> Any:
    """A source whose content makes a file ``ran`` when it is unpickled."""
    made = tmp_path / "x.pkl"
    made.write_bytes(pickle.dumps(Evil(str(tmp_path / "ran"))))
    yield alexflow.source(made, BinaryOutput)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("modules", [(), HERE, ("alexflow.formats.text",), ("os", "posix")])
def test_a_source_is_refused(source, modules):
    with pytest.raises(DocumentError, match=r"^nodes\[0\].class: alexflow.sources.external:Known is allowed only"):
        deserialize(serialize(source), modules=modules)
    with pytest.raises(DocumentError, match=r"^nodes\[0\].class: "):
        deserialize(serialize(Train(source)), modules=modules)
    written = {**serialize(Secret("a")), "root": {**serialize(source)["root"], "task": Secret("a").task_id}}
    with pytest.raises(
        DocumentError, match=r"^root.class: .*:Source reads whatever its url says, so it is allowed only"
    ):
        deserialize(written, modules=HERE)


def test_a_source_is_allowed_by_its_module_but_not_to_unpickle(source, tmp_path):
    with pytest.raises(
        DocumentError, match=r"^root.fields.format.name: .*:BinaryOutput can run code when it is loaded"
    ):
        deserialize(serialize(source), modules=("alexflow.sources",))
    (tmp_path / "words").write_text("words")
    plain = alexflow.source(tmp_path / "words", TextOutput)
    assert deserialize(serialize(plain), modules=("alexflow.sources",)).load() == "words"


UNSAFE = sorted(
    name for name in formats.__all__ if name.endswith("Output") and not getattr(formats, name).safe_to_share
)


@pytest.mark.parametrize("name", UNSAFE)
def test_what_unpickles_is_refused(name):
    secret = Secret("bob")
    for root in (
        output_of(secret, getattr(formats, name)),
        {"$": "type", "name": output_of(secret, getattr(formats, name))["class"]},
    ):
        with pytest.raises(DocumentError, match=rf"^root\.(class|name): .*:{name} can run code when it is loaded, so"):
            deserialize(document(root, secret), modules=HERE)


def test_which_formats_are_safe_is_what_the_page_says():
    page = Path(__file__, "../../../docs/formats.md").resolve().read_text()
    table = [row.split("|") for row in page.splitlines() if row.startswith("| ") and "Output` |" in row]
    told = {row[2].strip(" `"): "no" not in row[-2] for row in table}
    assert {name: getattr(formats, name).safe_to_share for name in told} == told
    assert set(UNSAFE) - {name for name, safe in told.items() if not safe} == {"FileOutput"}  # it has no format


def test_a_pickle_is_allowed_by_its_module_and_only_where_the_class_says_so():
    pickled = Pickled("bob")
    written = json.loads(json.dumps(serialize(pickled.output())))
    with pytest.raises(DocumentError, match="BinaryOutput can run code when it is loaded"):
        deserialize(written, modules=HERE)
    assert deserialize(written, modules=(*HERE, "alexflow.formats.binary")) == pickled.output()
    with pytest.raises(DocumentError, match=r"^root: Secret.output\(\) gives no such BinaryOutput"):
        deserialize(
            document(output_of(Secret("bob"), BinaryOutput), Secret("bob")), modules=(*HERE, "alexflow.formats.binary")
        )


def test_the_results_of_others_are_neither_read_nor_removed(tmp_path):
    storage = LocalStorage(str(tmp_path / "results"))
    alexflow.run(Secret("alice"), storage=storage, executor="thread", echo=False)
    alice, bob = Secret("alice"), Secret("bob")
    for key, refusal in [
        (alice.output().key, r"\.key: the key does not begin with .*Secret\..*\., the id of its task$"),
        (bob.task_id + ".else.json", r": Secret.output\(\) gives no such JSONOutput"),
    ]:
        for more in ({}, {"ephemeral": True}):
            with pytest.raises(DocumentError, match="^root" + refusal):
                deserialize(document(output_of(bob, JSONOutput, key, **more), bob), modules=HERE)
    with pytest.raises(DocumentError, match=r"^root\.ephemeral: Secret.output\(\) does not give .* as ephemeral$"):
        deserialize(document(output_of(alice, JSONOutput, ephemeral=True), alice), modules=HERE)
    named = Named(alice.output().key)
    with pytest.raises(DocumentError, match=r"^nodes\[0\]: Named.output\(\) gives the key '.*', which does not begin"):
        deserialize(document(output_of(named, JSONOutput), named), modules=HERE)
    assert alice.output().assign_storage(storage).load() == "secret of alice"


@pytest.mark.parametrize("kind", [Named, OneOfTwo, Reading])
@pytest.mark.parametrize("name", ["victim.json", "Named", "Secret."])
def test_a_key_that_is_a_parameter(kind, name):
    """Run, such a task would be taken for done, and what somebody else stored there for its result."""
    task = kind(name)
    hook = "input" if kind is Reading else "output"
    message = rf"{kind.__name__}\.{hook}\(\) gives the key .*, which does not begin with .*\.[0-9a-f]{{40}}\.$"
    for root in (task, Train(task), [Train(Secret("a").output()), {"a": task}], alexflow.Workflow({"a": task})):
        with pytest.raises(DocumentError, match=rf"^nodes\[\d\]: {message}"):
            deserialize(json.loads(json.dumps(serialize(root))), modules=HERE)
    assert deserialize(serialize(task)) == task  # by a known author
    foreign = f"{Secret('bob').task_id}.secret.json"
    with pytest.raises(DocumentError, match=r"gives the key '.*secret\.json', which does not begin with"):
        deserialize(serialize(kind(foreign)), modules=HERE)
    with pytest.raises(DocumentError, match=r"^OldNamed\.output\(\) gives the key .*, which does not begin with"):
        legacy.deserialize(json.loads(json.dumps(legacy.serialize(OldNamed(name)))), modules=HERE)


def test_what_a_class_says_of_itself_is_allowed():
    for task in (Secret("a"), Passing("a")):
        written = serialize(Train(task.output()))
        again = deserialize(written, modules=HERE)
        assert again == Train(task.output())
        assert again.data.ephemeral == task.output().ephemeral


def test_what_is_allowed_runs(tmp_path):
    again = from_json(to_json(Train(Secret("bob").output())), modules=HERE)
    assert (
        alexflow.run(again, storage=str(tmp_path / "results"), workers=1, echo=False).output.load()
        == "from secret of bob"
    )


def test_an_output_that_raises_is_told():
    broken = Broken("a")
    root = output_of(broken, JSONOutput, f"{broken.task_id}.secret.json")
    with pytest.raises(DocumentError, match=r"^nodes\[0\]: Broken\.output\(\) raised SystemExit: no output$"):
        deserialize(document(root, broken), modules=HERE)


@pytest.mark.parametrize(
    "root",
    [
        {"$": "storage", "class": "alexflow.storage.local:LocalStorage", "fields": {"base_path": "/victim"}},
        {"$": "module", "name": "alexflow.formats"},
        {"$": "module", "name": "os"},
        {"$": "function", "name": "alexflow.formats.libraries:need"},
        {"$": "type", "name": "alexflow.sources.external:Source"},
        {"$": "type", "name": "alexflow.formats.binary:BinaryOutput"},
        {"$": "type", "name": "alexflow.legacy.outputs:BinaryOutput"},
        {"$": "type", "name": "builtins:int"},
        {"$": "dataclass", "class": "alexflow.legacy.dataset:Dataset", "fields": {"X": 1, "Y": 2}},
    ],
    ids=str,
)  # fmt: skip
def test_nothing_else_is_lent(root):
    for modules in ((), HERE):
        with pytest.raises(DocumentError, match=r"^root\.(class|name): "):
            deserialize(document(root), modules=modules)


def test_a_workflow_does_not_say_where_it_is_run(tmp_path):
    workflow = alexflow.Workflow({"a": Secret("a")}, {"out": Secret("a").output()})
    assert deserialize(serialize(workflow), modules=HERE) == workflow
    elsewhere = alexflow.Workflow({"a": Secret("a")}, storage=LocalStorage(str(tmp_path)))
    with pytest.raises(DocumentError, match=r"^root\.fields\.storage\.class: .*:LocalStorage reads and writes where"):
        deserialize(serialize(elsewhere), modules=HERE)


def test_the_documents_of_1_x_are_held_to_the_same(source, tmp_path):
    known = {"__ser__": "alexflow.sources.external:Known", "digest": "0" * 40}
    kind = {"__ser__": "type", "value": "alexflow.core:BinaryOutput"}
    attack = {"__ser__": "alexflow.sources.external:Source", "src_task": known, "key": "k", "url": source.url}
    for written in (attack, known, kind, {"__ser__": "alexflow.core:BinaryOutput", "src_task": known, "key": "k"}):
        for modules in ((), HERE):
            with pytest.raises(DocumentError, match="allowed only where modules= names"):
                legacy.deserialize(written, modules=modules)


def crowd(count: int) -> list[Any]:
    """Whole numbers of one hash, as a document has them."""
    return [{"$": "int", "value": hex(step * (2**61 - 1) + (1 << 64) * (2**61 - 1))} for step in range(count)]


def test_values_of_one_hash_take_no_long_time():
    for root in (
        {"$": "set", "items": crowd(30_000)},
        {"$": "frozenset", "items": crowd(30_000)},
        {"$": "dict", "entries": [[key, 1] for key in crowd(30_000)]},
        {"$": "odict", "entries": [[key, 1] for key in crowd(30_000)]},
        {"$": "set", "items": [{"$": "tuple", "items": [number]} for number in crowd(30_000)]},
    ):
        with pytest.raises(DocumentError, match=r"30,000 of them have one hash"):
            deserialize(document(root), modules=())
    assert len(deserialize(document({"$": "set", "items": crowd(100)}))) == 100
    numbers = {"$": "set", "items": list(range(100_000))}
    assert len(deserialize(document(numbers))) == 100_000


def test_a_map_of_messagepack_has_strings_as_keys():
    written = to_msgpack(Secret("a"))
    assert from_msgpack(written) == Secret("a")
    deep: Any = "end"
    for _ in range(40):
        deep = {"a": [deep]}
    assert from_msgpack(to_msgpack(deep)) == deep
    keyed = b"\x81\x92\x01\x02\xc0"  # {(1, 2): None}
    for broken in (keyed, b"\x84" + written[1:].replace(b"\xa1a", keyed, 1), b"\x91" * 1_000 + b"\xc0", b""):
        with pytest.raises(DocumentError, match=r"^not MessagePack: "):
            from_msgpack(broken)


def test_the_digest_of_the_attack_is_that_of_a_source(source):
    """The documents above are refused for what they name, not for a digest that is wrong."""
    data = Path(source.url).read_bytes()
    assert source.key.endswith(hashlib.blake2b(data, digest_size=20).hexdigest())
    assert isinstance(deserialize(serialize(source)), Output)
