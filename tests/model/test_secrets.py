"""Secrets among parameters: part of the id, and in nothing that is written or shown."""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import alexflow
from alexflow import JSONOutput, Output, Task
from alexflow.errors import DefinitionError, DocumentError, IdentityError, NotRecorded, RunFailed
from alexflow.model.made_from import origin_of

VALUE = "hunter2-of-ada"
OTHER = "swordfish-of-bob"


def fails(value: Any) -> Any:
    raise ValueError(f"no form for {value}")


@dataclass(frozen=True)
class Login:
    user: str
    password: str | None = field(default="", repr=False, metadata={"secret": True})


@dataclass(frozen=True)
class Fetch(Task):
    table: str
    token: str | None = field(metadata={"secret": True})
    login: Login = Login("ada")
    key: str | None = field(default=None, compare=False, metadata={"secret": True})
    breaks: bool = False

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="rows.json")

    def run(self, input: Any, output: Any) -> None:
        if self.breaks:
            raise ValueError(f"{self} does not work")
        output.store([len(value or "") for value in (self.token, self.login.password, self.key)])


@dataclass(frozen=True)
class Count(Task):
    rows: Output[Any]

    def input(self) -> Any:
        return self.rows

    def output(self) -> Any:
        return self.build_output(JSONOutput, key="count.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(sum(input.load()))


FETCH = Fetch("people", VALUE, Login("ada", VALUE), key=VALUE)


def test_the_id_depends_on_it_and_is_the_same_everywhere() -> None:
    assert Fetch("people", VALUE).task_id != Fetch("people", OTHER).task_id
    assert replace(FETCH, login=Login("ada", OTHER)).task_id != FETCH.task_id
    assert replace(FETCH, key=OTHER).task_id == FETCH.task_id
    code = "from tests.model.test_secrets import FETCH; print(FETCH.task_id)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == FETCH.task_id


def test_the_digest_is_pinned() -> None:
    """The hashed bytes may never change: BLAKE2b-160 of the value's MessagePack, keyed by class and field."""
    from hashlib import blake2b

    import msgspec

    key = blake2b(f"{Fetch.__module__}.Fetch.token".encode(), digest_size=32).digest()
    data = msgspec.msgpack.encode(VALUE)
    expected = blake2b(data, key=key, person=b"alexflow secret", digest_size=20).hexdigest()
    fields = msgspec.msgpack.decode(origin_of(FETCH)[0])[2]
    assert fields["token"] == ["secret", expected]


def test_equal_secrets_of_two_fields_do_not_look_equal() -> None:
    import msgspec

    fields = msgspec.msgpack.decode(origin_of(FETCH)[0])[2]
    assert fields["token"][1] != dict(fields["login"][2])["password"][1]


def test_no_text_has_it() -> None:
    for thing in (FETCH, FETCH.output(), Count(FETCH.output()), [FETCH], FETCH.login):
        assert VALUE not in repr(thing)
        assert VALUE not in str(thing)
    assert "token=***" in repr(FETCH)


def test_no_bytes_of_the_id_have_it() -> None:
    preimage, further = origin_of(FETCH)
    assert VALUE.encode() not in preimage
    assert further is not None
    assert VALUE.encode() not in further


@pytest.mark.parametrize("path", ["token", "login.password", "key"])
def test_no_document_holds_it(path: str) -> None:
    none = Fetch("people", None, Login("ada", None))
    values: dict[str, Any] = {"token": VALUE, "login": Login("ada", VALUE), "key": VALUE}
    name = path.partition(".")[0]
    task = replace(none, **{name: values[name]})
    assert none.serialize()
    with pytest.raises(DocumentError, match=rf"Fetch\.{path}: it is a secret") as caught:
        task.serialize()
    assert VALUE not in str(caught.value)


def test_errors_do_not_have_it() -> None:
    @dataclass(frozen=True)
    class Strict(Task):
        token: Any = field(metadata={"secret": True, "contract": lambda value: value != VALUE})

    @dataclass(frozen=True)
    class Encoded(Task):
        token: Any = field(metadata={"secret": True, "encode": fails, "decode": fails})

    with pytest.raises(ValueError, match=r"token breaks its contract: \*\*\*") as broken:
        Strict(VALUE)
    errors: list[BaseException] = [broken.value]
    for make in (lambda: Encoded(VALUE).task_id, lambda: Strict({VALUE: object()}).task_id):
        with pytest.raises(IdentityError, match="token") as refused:
            make()
        errors.append(refused.value)
    for error in errors:
        assert VALUE not in str(error)
        assert VALUE not in repr(error.__cause__)


def test_a_dataclass_that_would_print_it_is_refused() -> None:
    @dataclass(frozen=True)
    class Loud:
        password: str = field(metadata={"secret": True})

    with pytest.raises(IdentityError, match=r"Fetch\.login: .*Loud\.password is a secret.*repr=False") as caught:
        _ = Fetch("people", "", Loud(VALUE)).task_id  # type: ignore[arg-type]
    assert VALUE not in str(caught.value)


def test_former_ids_are_refused() -> None:
    from alexflow import legacy

    @dataclass(frozen=True)
    class Former(legacy.Task):
        token: str = field(default="", metadata={"secret": True})

    with pytest.raises(DefinitionError, match=r"Former\.token is a secret"):
        _ = Former(VALUE)


@pytest.mark.processes
@pytest.mark.parametrize("executor", ["process", "thread"])
def test_a_run_has_the_value_and_the_storage_has_not(
    executor: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    place = str(tmp_path / "results")
    count = Count(FETCH.output())
    alexflow.run(count, storage=place, workers=1, executor=executor, progress=False)
    assert count.output().assign_storage(alexflow.open_storage(place)).load() == 3 * len(VALUE)
    with pytest.raises(RunFailed) as caught:
        alexflow.run(replace(FETCH, breaks=True), storage=place, workers=1, executor=executor, progress=True)
    assert VALUE not in str(caught.value)
    record = alexflow.open_record(place)
    plan = alexflow.plan(Fetch("people", OTHER), storage=place)
    texts = [
        *(json.dumps(entry.to_json()) + repr(entry) for entry in record.entries()),
        *(json.dumps(run.to_json()) for run in record.runs()),
        str(record.explain(FETCH)),
        str(record.explain(Fetch("people", OTHER))),
        json.dumps(record.explain(Fetch("people", OTHER)).to_json()),
        str(plan) + repr(plan),
        caplog.text,
        *capfd.readouterr(),
    ]
    for text in texts:
        assert VALUE not in text
        assert OTHER not in text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if VALUE.encode() in path.read_bytes()] == []
    with pytest.raises(NotRecorded, match=r"Fetch\.(token|login\.password|key) is a secret"):
        record.entry(count).task()


def test_a_table_of_the_record_has_it_struck_out(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    alexflow.run(FETCH, storage=str(tmp_path), executor="thread", progress=False)
    table = alexflow.open_record(str(tmp_path)).table(Fetch)
    assert table.column("token").to_pylist() == ["***"]
    assert VALUE not in str(table.to_pylist())


def test_one_that_cannot_travel_is_not_named_by_its_pickle() -> None:
    from alexflow.executors.process.payload import _blame

    text = _blame(FETCH, 1, TypeError(f"cannot pickle {VALUE}"))
    assert "Fetch.token, a secret, cannot be sent" in text
    assert VALUE not in text


def test_the_value_travels() -> None:
    assert vars(pickle.loads(pickle.dumps(FETCH)))["token"] == VALUE


SCRIPT = """
import os
from tests.model.test_secrets import Fetch, Login

def people():
    return Fetch("people", os.environ["TOKEN"], Login("ada", os.environ["TOKEN"]))
"""


@pytest.mark.processes
def test_commands_do_not_show_it(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(SCRIPT)
    here = str(Path(__file__).parents[2])

    def command(*words: str) -> tuple[int, str]:
        environment = {**os.environ, "TOKEN": VALUE, "PYTHONPATH": here}
        words = (sys.executable, "-m", "alexflow", *words)
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=environment)
        assert VALUE not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    assert command("run", "flow:people")[0] == 0
    for words in (
        ("plan", "flow:people", "--tasks"),
        ("find",),
        ("find", "--json"),
        ("table", "Fetch"),
        ("show", "Fetch"),
        ("graph", "Fetch."),
        ("graph", "flow:people", "--format", "html", "--output", "page.html"),
        ("explain", "Fetch."),
        ("runs", "--json"),
        ("log", "--json"),
    ):
        command(*words)
    assert VALUE not in (tmp_path / "page.html").read_text()
    code, said = command("run", "Fetch.")
    assert (code, "is a secret" in said) == (2, True)
    for given in (("--token", "x"), ("--login.password", "x"), ("--login", "{}"), ()):
        code, said = command("run", "tests.model.test_secrets:Fetch", "--table", "people", *given)
        assert code == 2, said
        assert "is a secret" in said
